-- +goose Up
-- Tripwires: while one of a camera and a family is open, none of their cases is decided or handed over. The detector opens it, with its evidence, or a
-- person does; a person releases it. A row is written twice, at its opening and at its release, and stays.
CREATE TABLE tripwires
(
    wire_id      uuid PRIMARY KEY,
    camera       text        NOT NULL,
    family       text        NOT NULL,
    zone         text        NOT NULL,                 -- police zone of the camera; '' = unknown
    regime       text        NOT NULL,
    opened_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    opened_by    text        NOT NULL,                 -- '' = the detector
    opened_text  text        NOT NULL,                 -- what the person wrote
    opened_seq   bigint      NOT NULL,                 -- entry of the look-up log; 0 = the detector's
    doubt_from   timestamptz NOT NULL,                 -- log time: the first capture of the window that tripped it
    doubt_to     timestamptz NOT NULL,                 -- its last
    evidence     jsonb       NOT NULL,                 -- clauses: now, and the history
    released_at  timestamptz,
    released_by  text,
    finding      text CHECK (finding IN ('mended', 'real')), -- mended: what came meanwhile is no history; real: the history begins anew
    release_text text,
    release_seq  bigint,
    CONSTRAINT released_whole CHECK (num_nulls(released_at, released_by, finding, release_text, release_seq) IN (0, 5)),
    CONSTRAINT released_by_a_person CHECK (released_by <> '')
);
CREATE UNIQUE INDEX tripwires_open ON tripwires (camera, family) WHERE released_at IS NULL;
CREATE INDEX tripwires_time ON tripwires (opened_at);

-- A wire is released once, and is never changed otherwise.
-- +goose StatementBegin
CREATE FUNCTION tripwire_follows() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  IF OLD.released_at IS NOT NULL OR NEW.released_at IS NULL THEN
    RAISE EXCEPTION 'wire % was released, or changes otherwise', OLD.wire_id USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NEW;
END
$$;
-- +goose StatementEnd
CREATE TRIGGER tripwires_follow BEFORE UPDATE ON tripwires FOR EACH ROW EXECUTE FUNCTION tripwire_follows();
CREATE TRIGGER tripwires_stay BEFORE DELETE OR TRUNCATE ON tripwires FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
GRANT SELECT, INSERT, UPDATE (released_at, released_by, finding, release_text, release_seq) ON tripwires TO anpr_office;

-- What came lately, the history of a camera, and the open cases of a camera under a wire.
CREATE INDEX cases_taken_in ON cases (taken_in_at);
CREATE INDEX cases_camera ON cases (camera, family, captured_at);
CREATE INDEX cases_open_camera ON cases (camera, family) WHERE state = 'open';

-- +goose Down
DROP INDEX cases_open_camera;
DROP INDEX cases_camera;
DROP INDEX cases_taken_in;
DROP TABLE tripwires;
DROP FUNCTION tripwire_follows;
