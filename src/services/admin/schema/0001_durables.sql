-- Durable listeners: what the operator's `events listen --durable` has taken.

CREATE TABLE durables (
    id          {{serial}},
    subject     TEXT   NOT NULL,
    source      TEXT   NOT NULL,  -- the service whose outbox holds the subject
    name        TEXT   NOT NULL,
    queue_group TEXT   NOT NULL,  -- '' for none
    seq         BIGINT NOT NULL,  -- every event up to it has been handed out
    used_at_ms  BIGINT NOT NULL
);
CREATE UNIQUE INDEX durables_by_name ON durables (subject, name, queue_group, source);

-- Handed out and not acknowledged yet.
CREATE TABLE durable_in_flight (
    durable_id BIGINT NOT NULL,
    seq        BIGINT NOT NULL,
    PRIMARY KEY (durable_id, seq)
);
