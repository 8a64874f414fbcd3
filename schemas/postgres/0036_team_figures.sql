-- +goose Up
-- The clocks that a known answer is shown with: those of the item in whose place it stands. NULL = the case has its own.
ALTER TABLE case_leases ADD COLUMN clocks jsonb;

-- Answers by the time of their recording, for the figures of a team: pace, hours and four weeks.
CREATE INDEX case_events_team ON case_events (recorded_at)
    WHERE kind IN ('decided', 'second_decided', 'keyed', 'arbitrated', 'counter_decided', 'undone', 'probe');

-- Cases that a zone brings in a year, for its quota.
CREATE INDEX cases_brought ON cases (zone, captured_at) WHERE state IN ('confirmed', 'transmitted', 'returned');

-- Cases by the moment at which their verdict took effect, for the pace of a forecast.
CREATE INDEX cases_decided ON cases (effective_at, zone) WHERE state IN ('confirmed', 'transmitted', 'returned', 'annulled', 'rejected');

-- What the comparison of cases with the table offences found last, by hour of capture, for the last days.
CREATE TABLE intake_hours
(
    hour        timestamptz PRIMARY KEY,
    offences    bigint      NOT NULL, -- distinct ones of the table
    cases       bigint      NOT NULL, -- of attempt 1
    missing     bigint      NOT NULL, -- offences that are still no case
    unseen      bigint      NOT NULL, -- cases that the table lacks
    compared_at timestamptz NOT NULL
);
GRANT SELECT, INSERT, DELETE ON intake_hours TO anpr_office;

-- +goose Down
DROP TABLE intake_hours;
DROP INDEX cases_decided;
DROP INDEX cases_brought;
DROP INDEX case_events_team;
ALTER TABLE case_leases DROP COLUMN clocks;
