-- The orders service's own copy of each ticket, kept by its events.
CREATE TABLE ticket_copies (
    id          TEXT   PRIMARY KEY,
    version     BIGINT NOT NULL,
    title       TEXT   NOT NULL,
    price_cents BIGINT NOT NULL
);

-- Reservations and purchases. What was reserved is written down as it was then: a later edit of
-- the ticket changes no order.
CREATE TABLE orders (
    id             TEXT   PRIMARY KEY,      -- 24 hex digits; grows with time
    version        BIGINT NOT NULL,         -- raised by one with every change
    status         TEXT   NOT NULL
        CHECK (status IN ('created', 'awaiting:payment', 'complete', 'cancelled')),
    user_id        TEXT   NOT NULL,         -- the buyer
    expires_at_ms  BIGINT NOT NULL,
    ticket_id      TEXT   NOT NULL,
    ticket_title   TEXT   NOT NULL,
    ticket_version BIGINT NOT NULL,
    price_cents    BIGINT NOT NULL CHECK (price_cents > 0),
    created_at_ms  BIGINT NOT NULL
);

-- No ticket is sold twice, even if the code were wrong: one order that is not cancelled a ticket.
CREATE UNIQUE INDEX orders_live ON orders (ticket_id) WHERE status <> 'cancelled';

-- One buyer's orders, newest first.
CREATE INDEX orders_of_user ON orders (user_id, id);
