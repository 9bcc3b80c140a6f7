-- The trace an order belongs to, so that its payment belongs to it, too (a traceparent).
ALTER TABLE order_copies ADD COLUMN trace TEXT;
