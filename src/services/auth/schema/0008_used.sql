-- When and from where a session was used last, to within half of a token's life; 0 and empty: not since
-- it began, or a program of before looked after it: then as it began.
ALTER TABLE sessions ADD COLUMN used_at_ms BIGINT NOT NULL DEFAULT 0;
ALTER TABLE sessions ADD COLUMN used_address TEXT NOT NULL DEFAULT '';
