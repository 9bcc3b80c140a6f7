-- Second factors: one row a user that has one, or is setting one up.
CREATE TABLE factors (
    user_id    TEXT   PRIMARY KEY,
    secret     TEXT   NOT NULL             -- 160 bits in hex, which the user's app has, too
                      CHECK (length(secret) = 40),
    last_step  BIGINT NOT NULL,            -- of the latest code that was taken: each counts once
    is_on      BIGINT NOT NULL             -- 0: being set up, and nobody is asked for it
                      CHECK (is_on IN (0, 1)),
    made_at_ms BIGINT NOT NULL
);

-- What stands in for a code of the app that was lost: one row each, until it is used.
CREATE TABLE recovery_codes (
    user_id   TEXT NOT NULL,
    code_hash TEXT NOT NULL                -- SHA-256 of 50 random bits, as letters
                   CHECK (length(code_hash) = 64),
    PRIMARY KEY (user_id, code_hash)
);
