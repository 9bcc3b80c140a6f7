-- Who tried to pay, and from where, so that attempts that came to nothing can be bounded. The network
-- of an address is kept while a charge is in flight and for an hour or two after it failed.
ALTER TABLE charges ADD COLUMN user_id TEXT;
ALTER TABLE charges ADD COLUMN network TEXT;

CREATE INDEX charges_failed_of_user ON charges (user_id, created_at_ms)
    WHERE status IN ('declined', 'refused');
CREATE INDEX charges_in_flight_of_user ON charges (user_id) WHERE status IN ('pending', 'unknown');
CREATE INDEX charges_of_network ON charges (network, created_at_ms) WHERE network IS NOT NULL;
