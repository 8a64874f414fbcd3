-- +goose Up
-- The figures of a team with a year of cases. They count answers of four weeks, and read neither the bodies of these events nor the rows of their cases.
-- A rejection is found by its bytes: within a text of the body quotes are escaped, and bytes that are no JSON stop no restore.

CREATE INDEX case_events_answered ON case_events (recorded_at, user_name, kind, event_id) WHERE kind IN ('decided', 'second_decided', 'keyed', 'arbitrated');
CREATE INDEX case_events_rejected ON case_events (recorded_at, user_name, event_id) WHERE kind = 'decided' AND position('"verdict":"reject"'::bytea IN body) > 0;
CREATE INDEX case_events_seconds ON case_events (recorded_at) WHERE kind = 'second_decided';
CREATE INDEX case_events_undone ON case_events (recorded_at) WHERE kind = 'undone';
CREATE INDEX case_events_probes ON case_events (recorded_at) WHERE kind = 'probe';

-- What waits for a supervisor.
CREATE INDEX cases_returned ON cases (due_at, taken_in_at, case_id) WHERE state = 'returned';
CREATE INDEX cases_incidents ON cases (due_at, taken_in_at, case_id) WHERE incidents > 0;

DROP INDEX case_events_team;

-- +goose Down
CREATE INDEX case_events_team ON case_events (recorded_at)
    WHERE kind IN ('decided', 'second_decided', 'keyed', 'arbitrated', 'counter_decided', 'undone', 'probe');
DROP INDEX cases_incidents;
DROP INDEX cases_returned;
DROP INDEX case_events_probes;
DROP INDEX case_events_undone;
DROP INDEX case_events_seconds;
DROP INDEX case_events_rejected;
DROP INDEX case_events_answered;
