-- Sessions that can be renewed: one row each, from sign-in until it is ended or its last token has.
CREATE TABLE sessions (
    id_hash        TEXT   PRIMARY KEY     -- SHA-256 of the id in the token, which is kept nowhere
                          CHECK (length(id_hash) = 64),
    user_id        TEXT   NOT NULL,
    created_at_ms  BIGINT NOT NULL,       -- sign-in
    seen_at_ms     BIGINT NOT NULL,       -- the latest token was made
    alive_until_ms BIGINT NOT NULL,       -- … and ends then
    ends_at_ms     BIGINT NOT NULL,       -- no token lives longer
    address        TEXT   NOT NULL,       -- of the client that signed in
    agent          TEXT   NOT NULL        -- its User-Agent, cut
);

-- One user's, the least recently seen first.
CREATE INDEX sessions_of_user ON sessions (user_id, seen_at_ms);
-- What can be removed.
CREATE INDEX sessions_alive ON sessions (alive_until_ms);

-- Why a user is banned, and since when; both empty for anybody else.
ALTER TABLE users ADD COLUMN ban_reason TEXT NOT NULL DEFAULT '';
ALTER TABLE users ADD COLUMN banned_at_ms BIGINT NOT NULL DEFAULT 0;

CREATE INDEX users_banned ON users (id) WHERE status = 'banned';
