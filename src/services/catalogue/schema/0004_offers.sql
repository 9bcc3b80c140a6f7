-- What can be had of each show, as tickets told it last (offers:updated).
CREATE TABLE show_offers (
    show_id        TEXT   PRIMARY KEY,
    offers_version BIGINT NOT NULL,
    lowest_cents   BIGINT NOT NULL,      -- what the cheapest ticket costs in full; 0: there is none
    available      BIGINT NOT NULL       -- tickets
);
