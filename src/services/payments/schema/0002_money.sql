-- Charges that can be given back, looked up and told from repeats. The table is made anew because
-- what its checks allow has grown.
CREATE TABLE charges_grown (
    id             TEXT   PRIMARY KEY,      -- also the idempotency key at the gateway
    order_id       TEXT   NOT NULL,
    status         TEXT   NOT NULL CHECK (status IN ('pending', 'unknown', 'captured', 'declined',
        'refused', 'refund_pending', 'refunded', 'refund_failed')),
    amount_cents   BIGINT NOT NULL CHECK (amount_cents > 0),
    token          TEXT,                    -- the card's, while it is needed: pending, unknown
    card_mark      TEXT   NOT NULL,         -- tells the same token again when it is gone
    stripe_id      TEXT,                    -- the gateway's name for it, once money moved
    refund_id      TEXT,                    -- the gateway's name for the money's way back
    reason         TEXT,                    -- the processor's words: declined, refused, refund_failed
    attempts       BIGINT NOT NULL,         -- times the gateway was asked since the status changed
    refunds        BIGINT NOT NULL DEFAULT 0,  -- begun; each has its own key
    disputed       BIGINT NOT NULL DEFAULT 0 CHECK (disputed IN (0, 1)),
    ask_at_ms      BIGINT,                  -- when to ask the gateway (again); NULL: no need
    created_at_ms  BIGINT NOT NULL,
    CHECK ((status IN ('pending', 'unknown')) = (token IS NOT NULL)),
    CHECK (ask_at_ms IS NOT NULL OR status NOT IN ('pending', 'unknown', 'refund_pending')),
    CHECK ((status IN ('captured', 'refund_pending', 'refunded', 'refund_failed'))
        = (stripe_id IS NOT NULL))
);
INSERT INTO charges_grown (id, order_id, status, amount_cents, token, card_mark, stripe_id, reason,
    attempts, ask_at_ms, created_at_ms)
    SELECT id, order_id, status, amount_cents, token, '', stripe_id, reason, attempts, ask_at_ms,
        created_at_ms FROM charges;
DROP TABLE charges;
ALTER TABLE charges_grown RENAME TO charges;

-- No order is charged twice, even if the code were wrong.
CREATE UNIQUE INDEX charges_live ON charges (order_id)
    WHERE status IN ('pending', 'unknown', 'captured');

CREATE INDEX charges_of_order ON charges (order_id);
CREATE INDEX charges_to_ask ON charges (ask_at_ms) WHERE ask_at_ms IS NOT NULL;
CREATE UNIQUE INDEX charges_of_stripe ON charges (stripe_id) WHERE stripe_id IS NOT NULL;

-- Idempotency-Key headers of the last day: the answer to each is what became of its charge.
CREATE TABLE payment_keys (
    user_id       TEXT   NOT NULL,
    key           TEXT   NOT NULL,
    body_mark     TEXT   NOT NULL,          -- tells another body under the same key
    charge_id     TEXT   NOT NULL,
    expires_at_ms BIGINT NOT NULL,
    PRIMARY KEY (user_id, key)
);
CREATE INDEX payment_keys_expiry ON payment_keys (expires_at_ms);

-- Double entry: a movement is two rows of opposite amounts, made once a charge and kind.
--   capture  buyer -> held       the gateway has the money
--   earn     held -> revenue     the order is complete
--   owe      held or revenue -> refund
--   refund   refund -> buyer     the gateway gave it back
CREATE TABLE ledger (
    charge_id    TEXT   NOT NULL,
    kind         TEXT   NOT NULL CHECK (kind IN ('capture', 'earn', 'owe', 'refund')),
    account      TEXT   NOT NULL CHECK (account IN ('buyer', 'held', 'revenue', 'refund')),
    amount_cents BIGINT NOT NULL CHECK (amount_cents <> 0),
    at_ms        BIGINT NOT NULL,
    PRIMARY KEY (charge_id, kind, account)
);
INSERT INTO ledger (charge_id, kind, account, amount_cents, at_ms)
    SELECT id, 'capture', 'buyer', -amount_cents, created_at_ms FROM charges
        WHERE status = 'captured'
    UNION ALL SELECT id, 'capture', 'held', amount_cents, created_at_ms FROM charges
        WHERE status = 'captured'
    UNION ALL SELECT c.id, 'earn', 'held', -c.amount_cents, c.created_at_ms FROM charges c
        JOIN order_copies o ON o.id = c.order_id
        WHERE c.status = 'captured' AND o.status = 'complete'
    UNION ALL SELECT c.id, 'earn', 'revenue', c.amount_cents, c.created_at_ms FROM charges c
        JOIN order_copies o ON o.id = c.order_id
        WHERE c.status = 'captured' AND o.status = 'complete';

-- Webhook events, by the id their sender gave them, so that a repeat is told; and how many came.
CREATE TABLE webhook_events (
    id             TEXT   PRIMARY KEY,
    received_at_ms BIGINT NOT NULL
);
CREATE INDEX webhook_events_age ON webhook_events (received_at_ms);
CREATE TABLE webhook_counts (
    type  TEXT   PRIMARY KEY,
    count BIGINT NOT NULL
);
