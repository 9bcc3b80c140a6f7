-- What money does to an order's time, and what is known of each payment for it.

ALTER TABLE orders ADD COLUMN reserved_until_ms BIGINT NOT NULL DEFAULT 0; -- without the grace
UPDATE orders SET reserved_until_ms = expires_at_ms;
ALTER TABLE orders ADD COLUMN graced   BIGINT NOT NULL DEFAULT 0 CHECK (graced IN (0, 1));
ALTER TABLE orders ADD COLUMN respited BIGINT NOT NULL DEFAULT 0 CHECK (respited IN (0, 1));
ALTER TABLE orders ADD COLUMN declines BIGINT NOT NULL DEFAULT 0;
ALTER TABLE orders ADD COLUMN payment_id TEXT; -- the payment shown with it; NULL: none yet

-- Payments by their events. A status only ever moves on, so that repeats and disorder do nothing.
CREATE TABLE payments (
    id        TEXT PRIMARY KEY,
    order_id  TEXT NOT NULL,
    status    TEXT NOT NULL
        CHECK (status IN ('pending', 'failed', 'captured', 'refund_pending', 'refunded')),
    stripe_id TEXT,
    refund_id TEXT
);

CREATE INDEX payments_pending ON payments (order_id) WHERE status = 'pending';
