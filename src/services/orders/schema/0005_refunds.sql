-- Payments whose refund came back from the buyer's bank. The table is made anew because what its check
-- allows has grown.
CREATE TABLE payments_grown (
    id        TEXT PRIMARY KEY,
    order_id  TEXT NOT NULL,
    status    TEXT NOT NULL CHECK (status IN ('pending', 'failed', 'captured', 'refund_pending',
        'refunded', 'refund_failed')),
    stripe_id TEXT,
    refund_id TEXT,
    notice    BIGINT NOT NULL DEFAULT 0     -- the last that was heard of its refund
);
INSERT INTO payments_grown (id, order_id, status, stripe_id, refund_id)
    SELECT id, order_id, status, stripe_id, refund_id FROM payments;
DROP TABLE payments;
ALTER TABLE payments_grown RENAME TO payments;

CREATE INDEX payments_pending ON payments (order_id) WHERE status = 'pending';
{{unchecked payments}}
