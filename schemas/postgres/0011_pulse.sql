-- +goose Up
-- The row that an office writes to know that the server takes writes: one that answers may be full or a standby.
CREATE TABLE pulse (
  n  integer PRIMARY KEY CHECK (n = 1),
  at timestamptz NOT NULL
);
GRANT SELECT, INSERT, UPDATE ON pulse TO anpr_office;

-- +goose Down
DROP TABLE pulse;
