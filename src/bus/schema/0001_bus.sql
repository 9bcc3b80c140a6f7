-- The bus's tables in every service's database.

-- What this service has published, in order. Rows are committed with the change they report and
-- are kept after delivery: the outbox is the log.
CREATE TABLE outbox (
    seq           {{serial}},
    subject       TEXT   NOT NULL,
    payload       TEXT   NOT NULL,  -- one JSON object
    created_at_ms BIGINT NOT NULL
);

-- First and last sequence and number of events of each subject, kept beside the outbox so that
-- nobody has to count it.
CREATE TABLE bus_channels (
    subject   TEXT PRIMARY KEY,
    first_seq BIGINT NOT NULL,
    last_seq  BIGINT NOT NULL,
    messages  BIGINT NOT NULL
);

-- How far this service has taken over each other service's outbox. Moves in the transaction that
-- applies the events.
CREATE TABLE bus_positions (
    source TEXT PRIMARY KEY,        -- the publishing service
    seq    BIGINT NOT NULL
);

-- Events that came before an earlier version of their entity.
CREATE TABLE bus_waiting (
    source          TEXT   NOT NULL,
    seq             BIGINT NOT NULL,
    subject         TEXT   NOT NULL,
    payload         TEXT   NOT NULL,
    published_at_ms BIGINT NOT NULL,
    since_ms        BIGINT NOT NULL,
    PRIMARY KEY (source, seq)
);

-- Events that can never be applied, with the reason.
CREATE TABLE bus_dead (
    id         {{serial}},
    source     TEXT   NOT NULL,
    seq        BIGINT NOT NULL,
    subject    TEXT   NOT NULL,
    payload    TEXT   NOT NULL,
    reason     TEXT   NOT NULL,
    dead_at_ms BIGINT NOT NULL
);
