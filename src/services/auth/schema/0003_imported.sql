-- People who come from the Node application bring its scrypt hashes, until they sign in: then the
-- password is hashed anew. The table is made anew because what its check allows has grown.
CREATE TABLE users_grown (
    id            TEXT   NOT NULL PRIMARY KEY
                         CHECK (length(id) = 24),
    -- counts the changes that others are told of
    version       BIGINT NOT NULL
                         CHECK (version >= 0),
    email         TEXT   NOT NULL
                         CHECK (length(email) BETWEEN 3 AND 254),
    email_key     TEXT   NOT NULL
                         CHECK (length(email_key) BETWEEN 3 AND 254),
    -- '$argon2id$…' in the PHC string format, or '$scrypt$ln=14,r=8,p=1$SALT$HASH': the salt as the
    -- text it was used as, the hash in hex
    password_hash TEXT   NOT NULL
                         CHECK (password_hash LIKE '$argon2id$%' OR password_hash LIKE '$scrypt$%'),
    status        TEXT   NOT NULL
                         CHECK (status IN ('active', 'banned')),
    created_at_ms BIGINT NOT NULL
                         CHECK (created_at_ms >= 0),
    ban_reason    TEXT   NOT NULL DEFAULT '',
    banned_at_ms  BIGINT NOT NULL DEFAULT 0
);
INSERT INTO users_grown (id, version, email, email_key, password_hash, status, created_at_ms,
    ban_reason, banned_at_ms)
    SELECT id, version, email, email_key, password_hash, status, created_at_ms, ban_reason,
        banned_at_ms FROM users;
DROP TABLE users;
ALTER TABLE users_grown RENAME TO users;

CREATE UNIQUE INDEX users_by_email_key ON users (email_key);
CREATE INDEX users_banned ON users (id) WHERE status = 'banned';

-- Whether there is anybody left with such a hash.
CREATE INDEX users_imported ON users (id) WHERE substr(password_hash, 1, 8) = '$scrypt$';
