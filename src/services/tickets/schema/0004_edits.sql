-- What the seller changed a ticket into while an order had it already, to become so when it is free
-- again; price 0: nothing.
ALTER TABLE tickets ADD COLUMN edited_title       TEXT   NOT NULL DEFAULT '';
ALTER TABLE tickets ADD COLUMN edited_price_cents BIGINT NOT NULL DEFAULT 0;
