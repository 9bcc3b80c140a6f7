-- What staff may do: one row a person and role.
CREATE TABLE user_roles (
    user_id       TEXT   NOT NULL,
    role          TEXT   NOT NULL
                         CHECK (role IN ('support', 'finance', 'catalogue', 'admin')),
    granted_at_ms BIGINT NOT NULL,
    PRIMARY KEY (user_id, role)
);
