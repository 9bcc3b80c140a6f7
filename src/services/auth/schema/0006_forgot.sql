-- Who says that they lost their password, until it was looked whether there is such an account: so
-- that the answer is the same, after the same work, for every address.
CREATE TABLE reset_requests (
    id           {{serial}},
    email_key    TEXT   NOT NULL,     -- as accounts are searched by …
    email_before TEXT   NOT NULL,     -- … and as they were before there was that key
    made_at_ms   BIGINT NOT NULL
);
