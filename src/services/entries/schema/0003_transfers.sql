-- Entries on their way to another person. One that has ended stays: whose an entry was is known for good.
CREATE TABLE transfers (
    id          TEXT   PRIMARY KEY,      -- 24 hex digits; grows with time
    version     BIGINT NOT NULL,         -- raised by one with every change
    entry_id    TEXT   NOT NULL,
    status      TEXT   NOT NULL CHECK (status IN ('waiting', 'taken', 'withdrawn', 'declined', 'ended')),
    giver_id    TEXT   NOT NULL,
    giver_email TEXT   NOT NULL,         -- of that moment: by it the other one knows who it is from
    email       TEXT   NOT NULL,         -- whom it is for, as it was typed …
    email_key   TEXT   NOT NULL,         -- … and as addresses are compared
    taker_id    TEXT   NOT NULL,         -- empty until it is taken
    made_at_ms  BIGINT NOT NULL,
    ends_at_ms  BIGINT NOT NULL          -- by itself; moves with the show
);

-- An entry is on its way to one person at a time, even if the code were wrong.
CREATE UNIQUE INDEX transfers_waiting ON transfers (entry_id) WHERE status = 'waiting';
CREATE INDEX transfers_due ON transfers (ends_at_ms) WHERE status = 'waiting';
CREATE INDEX transfers_coming ON transfers (email_key, id) WHERE status = 'waiting';
CREATE INDEX transfers_given ON transfers (giver_id, id);
CREATE INDEX transfers_taken ON transfers (entry_id) WHERE status = 'taken';

-- Whose address is known to be theirs, by auth's events.
CREATE TABLE confirmed_people (
    user_id TEXT PRIMARY KEY
);
