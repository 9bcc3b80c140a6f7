-- People who may sign in.
--
-- One row a person, never deleted. version counts the changes of a row, each of them published
-- in the transaction that makes it: 0 as user:created, every higher one as user:updated.
CREATE TABLE users (
    id            TEXT   NOT NULL PRIMARY KEY
                         CHECK (length(id) = 24),
    version       BIGINT NOT NULL
                         CHECK (version >= 0),
    -- as the person typed it, what answers, sessions and events show
    email         TEXT   NOT NULL
                         CHECK (length(email) BETWEEN 3 AND 254),
    -- the same without case, what is searched and what is unique
    email_key     TEXT   NOT NULL
                         CHECK (length(email_key) BETWEEN 3 AND 254),
    -- '$argon2id$…' in the PHC string format. People who come from the Node application bring its
    -- scrypt hashes, until they sign in and the password is hashed anew:
    -- '$scrypt$ln=14,r=8,p=1$SALT$HASH', the salt as the text it was used as, the hash in hex
    password_hash TEXT   NOT NULL
                         CHECK (password_hash LIKE '$argon2id$%' OR password_hash LIKE '$scrypt$%'),
    status        TEXT   NOT NULL
                         CHECK (status IN ('active', 'banned')),
    created_at_ms BIGINT NOT NULL
                         CHECK (created_at_ms >= 0)
);

-- Two people cannot share an address, whatever the code above believes. Sign-in reads by it too.
CREATE UNIQUE INDEX users_by_email_key ON users (email_key);

-- Whether there is anybody left with a hash of the Node application.
CREATE INDEX users_imported ON users (id) WHERE substr(password_hash, 1, 8) = '$scrypt$';
