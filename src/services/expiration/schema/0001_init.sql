-- One timer an order. The truth about due times lives here, so a restart forgets none.
CREATE TABLE timers (
    order_id  TEXT   PRIMARY KEY,
    version   BIGINT NOT NULL,       -- of the order, so that its events apply once and in order
    due_at_ms BIGINT                 -- NULL: rung, or the order needs it no more
);

CREATE INDEX timers_due ON timers (due_at_ms) WHERE due_at_ms IS NOT NULL;
