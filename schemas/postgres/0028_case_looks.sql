-- +goose Up
-- Versions of catalogue and reference data under which offices decide cases again, in the order in which they were taken into use. A version whose copies
-- are older than those of the newest row gets no row: nothing is decided again under it.
CREATE TABLE case_versions
(
    ordinal    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    catalogue  text        NOT NULL,
    reference  text        NOT NULL,
    as_of      jsonb       NOT NULL, -- name of a copy -> microseconds since 1970 up to which it is complete
    adopted_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX case_versions_pair ON case_versions (catalogue, reference);
GRANT SELECT, INSERT ON case_versions TO anpr_office;

-- A case is looked at again when its versions are older than those in use. What claims a case, or puts it off, is no part of its state.
ALTER TABLE cases
    ADD COLUMN looked_versions bigint  NOT NULL DEFAULT 0, -- ordinal of the versions of the last look; 0 = versions that have no row
    ADD COLUMN look_after      timestamptz,                -- nobody looks before: an office has the case, or the last try failed
    ADD COLUMN look_failures   integer NOT NULL DEFAULT 0, -- tries that failed one after the other
    DROP COLUMN looked_reference;
CREATE INDEX cases_look_versions ON cases (looked_versions, case_id) WHERE state IN ('held', 'keying', 'open', 'second', 'arbitration', 'confirmed', 'returned');
CREATE INDEX cases_look_failing ON cases (look_failures) WHERE look_failures > 0;
GRANT UPDATE (looked_versions, look_after, look_failures) ON cases TO anpr_office;

-- +goose Down
DROP INDEX cases_look_versions, cases_look_failing;
ALTER TABLE cases DROP COLUMN looked_versions, DROP COLUMN look_after, DROP COLUMN look_failures, ADD COLUMN looked_reference text;
GRANT UPDATE (looked_reference) ON cases TO anpr_office;
DROP TABLE case_versions;
