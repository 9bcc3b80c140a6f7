-- Tickets people have listed. This service is their only owner.
CREATE TABLE tickets (
    id            TEXT   PRIMARY KEY,       -- 24 hex digits; grows with time
    version       BIGINT NOT NULL,          -- raised by one with every change
    title         TEXT   NOT NULL,
    price_cents   BIGINT NOT NULL CHECK (price_cents > 0),
    user_id       TEXT   NOT NULL,          -- who sells it
    order_id      TEXT,                     -- who holds it: reserved or sold; NULL: on sale
    sold          BIGINT NOT NULL DEFAULT 0 CHECK (sold IN (0, 1)),
    created_at_ms BIGINT NOT NULL,
    CHECK (sold = 0 OR order_id IS NOT NULL)
);

-- What is on sale, newest first.
CREATE INDEX tickets_on_sale ON tickets (id) WHERE order_id IS NULL;

-- How far each order has been followed, so that its events apply once and in order.
CREATE TABLE order_versions (
    order_id TEXT   PRIMARY KEY,
    version  BIGINT NOT NULL
);
