-- Whether its seller has taken it down. An order made before that may still have it.
ALTER TABLE tickets ADD COLUMN withdrawn BIGINT NOT NULL DEFAULT 0 CHECK (withdrawn IN (0, 1));

-- What is on sale, newest first.
DROP INDEX tickets_on_sale;
CREATE INDEX tickets_on_sale ON tickets (id) WHERE order_id IS NULL AND withdrawn = 0;
