-- The databases that belong together: this one, and those it was used beside, as it saw them last.
-- An identity is made with its database and stays with it; a generation grows with each start and
-- stop. So one that was replaced, or by an older copy of itself, is known by the others.
CREATE TABLE bus_members (
    service    TEXT PRIMARY KEY,  -- 'orders'; the row of this database's own service is about itself
    identity   TEXT   NOT NULL,
    generation BIGINT NOT NULL
);
