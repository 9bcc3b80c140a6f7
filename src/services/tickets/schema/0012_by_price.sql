-- What stands of a show, cheapest first.
CREATE INDEX listings_by_price ON listings (show_id, price_cents, id) WHERE withdrawn = 0;
