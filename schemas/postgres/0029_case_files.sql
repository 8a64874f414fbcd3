-- +goose Up
-- When the file of the case's vehicle must be read, because a confirmation takes effect; NULL = never. It follows from the case, as sweep_at does.
ALTER TABLE cases ADD COLUMN file_at timestamptz;
UPDATE cases SET file_at = effective_at WHERE state = 'confirmed' OR state = 'settling' AND settles_to = 'confirmed';
CREATE INDEX cases_file ON cases (file_at) WHERE file_at IS NOT NULL;
GRANT UPDATE (file_at) ON cases TO anpr_office;

-- Vehicles whose file must be read again, because a case left it. Written in the transaction in which the case leaves; a row goes when the file is read.
CREATE TABLE case_file_visits
(
    family   text        NOT NULL,
    plate    text        NOT NULL,
    country  text        NOT NULL, -- '' = not known
    asked_at timestamptz NOT NULL,
    PRIMARY KEY (family, plate, country)
);
CREATE INDEX case_file_visits_order ON case_file_visits (asked_at);
GRANT SELECT, INSERT, DELETE, UPDATE (asked_at) ON case_file_visits TO anpr_office;

-- A plate on which two persons agreed brings the reason of the rules too: finding is one of the keys of Facts in package cases.
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION case_settles(before jsonb, after jsonb, more boolean) RETURNS boolean LANGUAGE plpgsql IMMUTABLE SET search_path = public, pg_temp AS $$
DECLARE
  want jsonb := before - '{state,settles_to,before,pending}'::text[] || jsonb_build_object('state', before -> 'settles_to');
BEGIN
  IF before ->> 'before' = 'second' AND before ->> 'settles_to' = 'confirmed' AND before #>> '{second,kind}' = 'correct_plate' THEN
    want := want || jsonb_build_object('corrected', before #> '{second,plate}');
    IF before ? 'pending' THEN
      want := want - '{undecided,measures,amount_cents,legal_basis,verified,track,marks,blocks,finding,catalogue,reference}'::text[] || (before -> 'pending');
    END IF;
  END IF;
  RETURN CASE WHEN more THEN after @> want AND NOT EXISTS (SELECT FROM jsonb_each(want) w WHERE after -> w.key <> w.value) ELSE after = want END;
END
$$;
-- +goose StatementEnd

-- +goose Down
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION case_settles(before jsonb, after jsonb, more boolean) RETURNS boolean LANGUAGE plpgsql IMMUTABLE SET search_path = public, pg_temp AS $$
DECLARE
  want jsonb := before - '{state,settles_to,before,pending}'::text[] || jsonb_build_object('state', before -> 'settles_to');
BEGIN
  IF before ->> 'before' = 'second' AND before ->> 'settles_to' = 'confirmed' AND before #>> '{second,kind}' = 'correct_plate' THEN
    want := want || jsonb_build_object('corrected', before #> '{second,plate}');
    IF before ? 'pending' THEN
      want := want - '{undecided,measures,amount_cents,legal_basis,verified,track,marks,blocks,catalogue,reference}'::text[] || (before -> 'pending');
    END IF;
  END IF;
  RETURN CASE WHEN more THEN after @> want AND NOT EXISTS (SELECT FROM jsonb_each(want) w WHERE after -> w.key <> w.value) ELSE after = want END;
END
$$;
-- +goose StatementEnd
DROP TABLE case_file_visits;
ALTER TABLE cases DROP COLUMN file_at;
