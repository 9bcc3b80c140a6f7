-- Why a proposal was not taken: for whoever made it, and for staff. NULL: it was not refused; empty:
-- no reason was given.
ALTER TABLE venues ADD COLUMN refusal TEXT;
ALTER TABLE shows ADD COLUMN refusal TEXT;
UPDATE venues SET refusal = '' WHERE status = 'refused';

-- What staff look for: name and city, title and performers, without case and accents (text_folded).
ALTER TABLE venues ADD COLUMN folded TEXT NOT NULL DEFAULT '';
ALTER TABLE shows ADD COLUMN folded TEXT NOT NULL DEFAULT '';
UPDATE venues SET folded = lower(name || ' ' || city);
UPDATE shows SET folded = lower(title || ' ' || performers);
