-- Who did what, when and from where, in the transaction that did it. Rows are never changed, and
-- go when they are a year old: the engine refuses anything else.
CREATE TABLE audit (
    id      TEXT   PRIMARY KEY,      -- 24 hex digits; grows with time
    at_ms   BIGINT NOT NULL,
    action  TEXT   NOT NULL,         -- "session.started"
    actor   TEXT   NOT NULL,         -- a user's id, "uid:N" of an operator; empty: nobody known
    subject TEXT   NOT NULL,         -- what it was done to; empty: the actor
    address TEXT   NOT NULL,         -- where the actor was; "local": on this machine
    detail  TEXT   NOT NULL
);
{{append_only audit}}
