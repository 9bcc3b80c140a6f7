-- Shows of which something was listed, taken, given back or changed, to be told of: as often as it
-- happened, so that nobody waits for another one's row.
CREATE TABLE changed_shows (
    place   {{serial}},
    show_id TEXT NOT NULL
);
INSERT INTO changed_shows (show_id) SELECT DISTINCT show_id FROM listings;

-- How often each show was told of, and of prices from which one on.
CREATE TABLE show_offers (
    show_id       TEXT   PRIMARY KEY,
    version       BIGINT NOT NULL,
    minimum_cents BIGINT NOT NULL
);
CREATE INDEX show_offers_minimum ON show_offers (minimum_cents);
