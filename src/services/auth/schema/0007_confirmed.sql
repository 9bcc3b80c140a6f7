-- Since when it is known that the address is the user's own, by a link that was mailed to it; 0: it is
-- not known.
ALTER TABLE users ADD COLUMN confirmed_at_ms BIGINT NOT NULL DEFAULT 0;
