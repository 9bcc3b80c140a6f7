-- Who sells a ticket: one whose seller is banned cannot be ordered. Copies made before this know it
-- from the ticket's next change on.
ALTER TABLE ticket_copies ADD COLUMN seller_id TEXT NOT NULL DEFAULT '';
