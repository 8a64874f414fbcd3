-- +goose Up
-- Damage of the look-up log that an office found: every other office verifies the log before it answers again. A row damages nothing and proves nothing.
CREATE TABLE look_up_findings
(
    at         timestamptz NOT NULL DEFAULT clock_timestamp(),
    seq        bigint      NOT NULL CHECK (seq >= 0), -- newest entry that the office knew of
    first_bad  bigint      NOT NULL CHECK (first_bad >= 1),
    problem    text        NOT NULL CHECK (length(problem) <= 2000),
    PRIMARY KEY (at, seq, first_bad)
);
CREATE TRIGGER look_up_findings_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON look_up_findings FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
GRANT SELECT, INSERT (seq, first_bad, problem) ON look_up_findings TO anpr_office;

-- +goose Down
DROP TABLE look_up_findings;
