-- One seller's listings, newest first.
CREATE INDEX tickets_of_seller ON tickets (user_id, id);
