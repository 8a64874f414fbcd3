-- +goose Up
-- What comes late. When the tables are asked again for the pictures of a read that was not stored at the intake; NULL = never. It follows from the case, but for
-- the pauses between the questions.
ALTER TABLE cases ADD COLUMN pictures_at timestamptz;
CREATE INDEX cases_pictures_late ON cases (pictures_at) WHERE pictures_at IS NOT NULL;
GRANT UPDATE (pictures_at) ON cases TO anpr_office;
GRANT INSERT ON case_pictures TO anpr_office;

-- Events by hour, to find those that statistics lack: rows are appended in the order of time, so a small index finds an hour.
CREATE INDEX case_events_time ON case_events USING brin (recorded_at) WITH (pages_per_range = 16);

-- +goose Down
DROP INDEX case_events_time;
REVOKE INSERT ON case_pictures FROM anpr_office;
ALTER TABLE cases DROP COLUMN pictures_at;
