-- Shows as catalogue's events tell them, and which change of theirs was the latest that is told.
CREATE TABLE shows (
    id              TEXT   PRIMARY KEY,
    version         BIGINT NOT NULL,
    title           TEXT   NOT NULL,
    status          TEXT   NOT NULL,
    starts_local    TEXT   NOT NULL,
    merged_into     TEXT,              -- NULL: it is not merged
    change_kind     TEXT   NOT NULL,   -- of the letters that tell it; empty: nothing is to be told
    change_version  BIGINT NOT NULL,   -- the show's
    changed_at_ms   BIGINT NOT NULL,
    told_up_to      TEXT   NOT NULL,   -- whoever holds an entry is told in the order of their ids
    telling         BIGINT NOT NULL    -- 1: somebody may still have to be told
                           CHECK (telling IN (0, 1))
);
CREATE INDEX shows_telling ON shows (id) WHERE telling = 1;

-- Who may get in where, by entries' events.
CREATE TABLE holders (
    entry_id TEXT   PRIMARY KEY,
    version  BIGINT NOT NULL,
    user_id  TEXT   NOT NULL,
    show_id  TEXT   NOT NULL,          -- empty: the event that says so is on its way
    valid    BIGINT NOT NULL
                    CHECK (valid IN (0, 1))
);
CREATE INDEX holders_of_show ON holders (show_id, user_id) WHERE valid = 1;

-- What a letter says beside its title: when a show starts.
ALTER TABLE mails ADD COLUMN detail TEXT NOT NULL DEFAULT '';
