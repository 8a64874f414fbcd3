-- +goose Up
-- Which case holds which picture: a picture stays as long as its case needs it. The pictures of a case never change, so a row is written with the case.
CREATE TABLE case_pictures
(
    sha256  bytea NOT NULL CHECK (length(sha256) = 32),
    case_id uuid  NOT NULL REFERENCES cases ON DELETE CASCADE,
    PRIMARY KEY (sha256, case_id)
);
CREATE INDEX case_pictures_case ON case_pictures (case_id);

-- +goose StatementBegin
CREATE FUNCTION hold_pictures() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  INSERT INTO case_pictures (sha256, case_id)
    SELECT DISTINCT decode(p ->> 'sha256', 'hex'), NEW.case_id FROM jsonb_array_elements(NEW.present -> 'pictures') p;
  RETURN NULL;
END
$$;
-- +goose StatementEnd
REVOKE ALL ON FUNCTION hold_pictures() FROM PUBLIC;
CREATE TRIGGER cases_hold_pictures AFTER INSERT ON cases FOR EACH ROW WHEN (NEW.present ? 'pictures') EXECUTE FUNCTION hold_pictures();
INSERT INTO case_pictures (sha256, case_id)
    SELECT DISTINCT decode(p ->> 'sha256', 'hex'), case_id FROM cases, jsonb_array_elements(present -> 'pictures') p;

-- Pictures of cases that were deleted after their time. Whoever opens the case is told the day, and nobody takes the picture for lost.
CREATE TABLE deleted_pictures
(
    sha256     bytea       NOT NULL PRIMARY KEY CHECK (length(sha256) = 32),
    stored_at  timestamptz NOT NULL,
    deleted_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
GRANT SELECT ON case_pictures TO anpr_office;
GRANT SELECT, INSERT (sha256, stored_at) ON deleted_pictures TO anpr_office;

-- +goose Down
DROP TABLE deleted_pictures;
DROP TRIGGER cases_hold_pictures ON cases;
DROP FUNCTION hold_pictures;
DROP TABLE case_pictures;
