-- Whose address is known to be theirs, by auth's events.
CREATE TABLE confirmed_sellers (
    user_id TEXT PRIMARY KEY
);
