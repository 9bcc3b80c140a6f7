-- Orders that came to nothing: those that nobody tried to pay are removed after a while.
CREATE INDEX order_copies_cancelled ON order_copies (id) WHERE status = 'cancelled';
