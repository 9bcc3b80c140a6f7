-- Who is refused although the session's token is good. Every service keeps this for itself, and
-- asks nobody.

-- Users by their latest user:updated; the ids of those banned now are held in memory.
CREATE TABLE banned_users (
    user_id TEXT   PRIMARY KEY,
    version BIGINT NOT NULL,         -- of the user: an older event changes nothing
    banned  BIGINT NOT NULL CHECK (banned IN (0, 1))
);

-- Sessions that ended before their last token does. Only auth ends sessions.
CREATE TABLE ended_sessions (
    id_hash  TEXT   PRIMARY KEY,     -- SHA-256 of the session's id
    until_ms BIGINT NOT NULL         -- when its last token ends
);

CREATE INDEX ended_sessions_until ON ended_sessions (until_ms);
