-- What is left of a show's listings, cheapest first.
CREATE INDEX tickets_for_sale ON tickets (show_id, price_cents, listing_id, position)
    WHERE listing_id IS NOT NULL AND order_id IS NULL AND withdrawn = 0;

-- The section as it is compared (text_label_key): of listings made before, but for signs beyond ASCII and
-- zeros before a number.
ALTER TABLE listings ADD COLUMN section_key TEXT NOT NULL DEFAULT '';
UPDATE listings SET section_key = lower(replace(section, ' ', ''));
