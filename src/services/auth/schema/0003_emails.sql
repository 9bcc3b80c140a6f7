-- What the row's email_key was made by: 0 the whole address in lower case, 1 as email_key (email.h)
-- has it. Those of 0 are made anew at start; one keeps its old key when the new one is taken.
ALTER TABLE users ADD COLUMN email_rule BIGINT NOT NULL DEFAULT 0;

CREATE INDEX users_of_old_rule ON users (id) WHERE email_rule = 0;
