-- What can be found: a row for each public show (scheduled, postponed, cancelled; not merged, not
-- refused), written in the transaction that changes the show or its venue.
CREATE TABLE show_search (
    place   {{serial}},              -- the minute it starts, times 2^30, and some of its id
    show_id TEXT   NOT NULL UNIQUE,
    words   TEXT   NOT NULL,         -- of title, performers, venue and city, and what narrows
    x       BIGINT,                  -- where its venue is, centimetres from the Earth's centre;
    y       BIGINT,                  -- NULL: not known
    z       BIGINT
);
{{text index show_search}}
-- The words of those rows by what is left of them when a letter is missing: for typing errors.
CREATE TABLE search_typos (
    rest TEXT NOT NULL,
    word TEXT NOT NULL,
    PRIMARY KEY (rest, word)
) /*sqlite WITHOUT ROWID*/;

-- One row while all of that is made anew, with the id of the last show that was.
CREATE TABLE search_rebuild (
    one     BIGINT PRIMARY KEY CHECK (one = 1),
    show_id TEXT   NOT NULL
);
INSERT INTO search_rebuild (one, show_id) VALUES (1, '');
