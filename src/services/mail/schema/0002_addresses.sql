-- Where a letter goes that is about an address, and not to the account's: there; else empty.
ALTER TABLE mails ADD COLUMN email TEXT NOT NULL DEFAULT '';
