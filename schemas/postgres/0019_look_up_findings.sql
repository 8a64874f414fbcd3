-- +goose Up
-- Damage of the look-up log that an office found: every other office verifies the log. One whose last verification held answers meanwhile, for a bounded
-- time; any other answers only when it has verified. A row proves nothing and shuts no office by itself. A break with a greater number closes it.
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
