-- Keys that codes are signed with (Ed25519). None goes: what was printed stays right.
CREATE TABLE entry_keys (
    id          BIGINT PRIMARY KEY CHECK (id BETWEEN 1 AND 255), -- a byte of each code
    public_key  TEXT   NOT NULL,       -- this and the seed in base 32
    seed        TEXT   NOT NULL,       -- secret: who has it makes codes that every gate takes
    signs_at_ms BIGINT NOT NULL        -- from then on it signs new codes, until a later one does
);

-- The key that signs an entry's code. A code does not change because there is another key.
ALTER TABLE entries ADD COLUMN key_id BIGINT NOT NULL DEFAULT 1;
