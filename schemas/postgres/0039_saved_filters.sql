-- +goose Up
-- Filters of the work list that a person saved by name. They hold no plate: their fields are closed sets and names of the camera registry, and a name has
-- no digit. version counts the changes.
CREATE TABLE saved_filters
(
    user_name  text        PRIMARY KEY,
    version    bigint      NOT NULL DEFAULT 1,
    filters    jsonb       NOT NULL,
    changed_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

GRANT SELECT, INSERT, UPDATE ON saved_filters TO anpr_office;
GRANT SELECT, DELETE ON saved_filters TO anpr_retention;

-- +goose Down
DROP TABLE saved_filters;
