-- Places where shows are. This service is their only owner, and that of shows.
CREATE TABLE venues (
    id            TEXT   PRIMARY KEY,    -- 24 hex digits; grows with time
    version       BIGINT NOT NULL,       -- raised by one with every change
    status        TEXT   NOT NULL CHECK (status IN ('proposed', 'accepted', 'refused')),
    name          TEXT   NOT NULL,
    city          TEXT   NOT NULL,
    country       TEXT   NOT NULL,       -- ISO 3166-1 alpha-2
    latitude      BIGINT,                -- millionths of a degree; both or neither
    longitude     BIGINT,
    time_zone     TEXT   NOT NULL,       -- IANA, "Europe/Berlin"
    user_id       TEXT   NOT NULL,       -- who proposed or made it
    merged_into   TEXT,                  -- the venue it turned out to be; final
    created_at_ms BIGINT NOT NULL,
    CHECK ((latitude IS NULL) = (longitude IS NULL))
);

-- The public list, newest first; what waits for staff; what one proposed.
CREATE INDEX venues_listed ON venues (id) WHERE status = 'accepted' AND merged_into IS NULL;
CREATE INDEX venues_proposed ON venues (id) WHERE status = 'proposed' AND merged_into IS NULL;
CREATE INDEX venues_of_user ON venues (user_id, id);

-- One performance each, at a venue and a time.
CREATE TABLE shows (
    id                TEXT   PRIMARY KEY,
    version           BIGINT NOT NULL,
    status            TEXT   NOT NULL
                             CHECK (status IN ('proposed', 'scheduled', 'postponed', 'cancelled')),
    venue_id          TEXT   NOT NULL,
    title             TEXT   NOT NULL,
    performers        TEXT   NOT NULL,   -- one a line
    category          TEXT   NOT NULL,
    starts_at_ms      BIGINT NOT NULL,   -- UTC …
    starts_local      TEXT   NOT NULL,   -- … and as clocks at the venue show it, with their offset
    doors_at_ms       BIGINT NOT NULL,   -- 0 and empty: not said
    doors_local       TEXT   NOT NULL,
    max_per_buyer     BIGINT NOT NULL,   -- tickets; 0: any number
    max_over_face_bps BIGINT NOT NULL,   -- hundredths of a per cent; -1: any price
    user_id           TEXT   NOT NULL,
    merged_into       TEXT,
    created_at_ms     BIGINT NOT NULL
);

CREATE INDEX shows_listed ON shows (id) WHERE status <> 'proposed' AND merged_into IS NULL;
CREATE INDEX shows_proposed ON shows (id) WHERE status = 'proposed' AND merged_into IS NULL;
CREATE INDEX shows_of_user ON shows (user_id, id);
CREATE INDEX shows_of_venue ON shows (venue_id, id);
