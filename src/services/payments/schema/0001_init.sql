-- What payments must know of each order, kept by its events.
CREATE TABLE order_copies (
    id          TEXT   PRIMARY KEY,
    version     BIGINT NOT NULL,
    status      TEXT   NOT NULL CHECK (status IN ('created', 'complete', 'cancelled')),
    user_id     TEXT   NOT NULL,
    price_cents BIGINT NOT NULL CHECK (price_cents > 0)
);

-- Attempts to take money. A row is committed before the gateway is asked, so that a crash at any
-- moment leaves a charge that can be asked for again under the same key.
CREATE TABLE charges (
    id             TEXT   PRIMARY KEY,      -- also the idempotency key at the gateway
    order_id       TEXT   NOT NULL,
    status         TEXT   NOT NULL CHECK (status IN ('pending', 'captured', 'declined', 'refused')),
    amount_cents   BIGINT NOT NULL CHECK (amount_cents > 0),
    token          TEXT,                    -- the card's, while it is needed: pending
    stripe_id      TEXT,                    -- the gateway's name for it: captured
    reason         TEXT,                    -- the processor's words: declined
    attempts       BIGINT NOT NULL,         -- times the gateway was asked
    ask_at_ms      BIGINT,                  -- when to ask (again): pending
    created_at_ms  BIGINT NOT NULL,
    CHECK ((status = 'pending') = (token IS NOT NULL AND ask_at_ms IS NOT NULL)),
    CHECK ((status = 'captured') = (stripe_id IS NOT NULL))
);

-- No order is charged twice, even if the code were wrong.
CREATE UNIQUE INDEX charges_live ON charges (order_id) WHERE status IN ('pending', 'captured');

CREATE INDEX charges_to_ask ON charges (ask_at_ms) WHERE ask_at_ms IS NOT NULL;
