-- Beside a message broker (NATS_URL).

-- What of the outbox the broker has not acknowledged yet.
CREATE TABLE outbox_unrelayed (
    seq BIGINT PRIMARY KEY
);

-- Events that came from the broker and have taken effect here, each in the transaction of its
-- effect, so that what is delivered again is known. Rows older than what the broker keeps are
-- removed, oldest first.
CREATE TABLE bus_inbox (
    id          {{serial}},
    source      TEXT   NOT NULL,
    seq         BIGINT NOT NULL,
    taken_at_ms BIGINT NOT NULL,
    UNIQUE (source, seq)
);
