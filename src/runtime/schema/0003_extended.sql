-- Sessions that go on for longer than their token says: while what they reserved is held, and for
-- a client that does not take the fresh token it is sent. Only auth extends sessions.
CREATE TABLE extended_sessions (
    id_hash  TEXT   PRIMARY KEY,     -- SHA-256 of the session's id
    until_ms BIGINT NOT NULL
);

CREATE INDEX extended_sessions_until ON extended_sessions (until_ms);
