-- Links that were sent to somebody and not opened yet: one row each, until it is opened or its time
-- is over. What opens one is not kept: it is worked out from the id by the key of the sessions
-- (identity/link_token.h).
CREATE TABLE links (
    id         TEXT   PRIMARY KEY
                      CHECK (length(id) = 24),
    kind       TEXT   NOT NULL
                      CHECK (kind IN ('reset', 'address')),
    user_id    TEXT   NOT NULL,
    email      TEXT   NOT NULL,      -- address: the one that is to be confirmed; reset: empty
    ends_at_ms BIGINT NOT NULL
);

-- One user's.
CREATE INDEX links_of_user ON links (user_id);
-- What can be removed.
CREATE INDEX links_by_end ON links (ends_at_ms);
