-- +goose Up
-- The form of `present`, a number that rises with each field that a release adds. A row of an older form holds as it is until a pass of the proof has
-- written it anew from its events.
ALTER TABLE cases ADD COLUMN shape integer NOT NULL DEFAULT 1 CHECK (shape >= 1);
CREATE INDEX cases_shape ON cases (shape);
GRANT UPDATE (shape) ON cases TO anpr_office;

-- Whether the columns of a row say what its present state says.
-- +goose StatementBegin
CREATE FUNCTION case_columns_repeat(c cases) RETURNS boolean LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
  SELECT (c.present ->> 'case_id', c.present ->> 'offence_id', c.present ->> 'attempt', c.present ->> 'regime', c.present ->> 'family', c.present ->> 'camera', c.present ->> 'plate')
        IS NOT DISTINCT FROM (c.case_id::text, c.offence_id::text, c.attempt::text, c.regime, c.family, c.camera, c.plate)
    AND (coalesce(c.present ->> 'zone', ''), coalesce(c.present ->> 'site', ''), coalesce((c.present ->> 'municipality')::bigint, 0)) = (c.zone, c.site, c.municipality)
    AND (c.present ->> 'version', c.present ->> 'head', c.present ->> 'state') IS NOT DISTINCT FROM (c.version::text, encode(c.head_sha256, 'hex'), c.state)
    AND (c.present ->> 'settles_to', c.present ->> 'first_user', c.present ->> 'second_user', c.present ->> 'assigned_to')
        IS NOT DISTINCT FROM (c.settles_to, c.first_user, c.second_user, c.assigned_to)
    AND (coalesce(c.present #>> '{corrected,plate}', ''), coalesce(c.present ->> 'hold_reason', ''), coalesce(c.present ->> 'number', ''), coalesce((c.present ->> 'amount_cents')::bigint, 0))
        = (c.corrected, c.hold_reason, c.number, c.amount_cents)
    AND jsonb_array_length(coalesce(c.present -> 'incidents', '[]')) = c.incidents AND coalesce(c.present -> 'marks', '[]') = to_jsonb(c.marks)
    AND ((c.present ->> 'effective_at')::numeric, (c.present ->> 'hold_until')::numeric, (c.present ->> 'held_since')::numeric, (c.present ->> 'assigned_until')::numeric)
        IS NOT DISTINCT FROM (extract(epoch FROM c.effective_at) * 1000000, extract(epoch FROM c.hold_until) * 1000000, extract(epoch FROM c.held_since) * 1000000,
            extract(epoch FROM c.assigned_until) * 1000000)
    AND coalesce((c.present ->> 'decide_by')::numeric, extract(epoch FROM timestamptz '9999-01-01 00:00:00+00') * 1000000) = extract(epoch FROM c.due_at) * 1000000
$$;
-- +goose StatementEnd

-- Whether `after` is what `before` becomes when its verdict takes effect. A plate on which two persons agreed brings the values that waited with it; the
-- keys are those of Facts in package cases.
-- +goose StatementBegin
CREATE FUNCTION case_settles(before jsonb, after jsonb, more boolean) RETURNS boolean LANGUAGE plpgsql IMMUTABLE SET search_path = public, pg_temp AS $$
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

-- The state of a case changes by its events alone. At the end of a transaction, a row that changed in more than its lease and its next looks
-- has the event of its version, is in the state of that event, and its version has risen, so that the event is of the same transaction. Two changes need no
-- event: a verdict that takes effect, and fields that a newer form adds.
-- +goose StatementBegin
CREATE FUNCTION case_row_follows() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  e      case_events%ROWTYPE;
  body   jsonb;
BEGIN
  IF NOT case_columns_repeat(NEW) THEN
    RAISE EXCEPTION 'the columns of case % differ from its present state', NEW.case_id USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  IF TG_OP = 'UPDATE' AND NEW.version = OLD.version THEN
    IF OLD.state = 'settling' AND NEW.state <> 'settling' AND NEW.shape >= OLD.shape AND case_settles(OLD.present, NEW.present, NEW.shape > OLD.shape) THEN
      RETURN NULL;
    END IF;
    IF NEW.shape > OLD.shape AND NEW.barred = OLD.barred AND NEW.present @> OLD.present AND NOT EXISTS (SELECT FROM jsonb_each(OLD.present) o WHERE NEW.present -> o.key <> o.value) THEN
      RETURN NULL;
    END IF;
    IF NEW.shape = OLD.shape AND NEW.barred = OLD.barred AND NEW.present = OLD.present THEN
      RETURN NULL;
    END IF;
    RAISE EXCEPTION 'case % changes without an event', NEW.case_id USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  SELECT * INTO e FROM case_events WHERE case_id = NEW.case_id AND n = NEW.version;
  IF NOT FOUND OR e.sha256 <> NEW.head_sha256 OR TG_OP = 'UPDATE' AND NEW.version < OLD.version THEN
    RAISE EXCEPTION 'case % has version % without the event of that number', NEW.case_id, NEW.version USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  body := convert_from(e.body, 'UTF8')::jsonb;
  IF body ->> 'to' IS DISTINCT FROM NEW.state OR body ->> 'kind' IS DISTINCT FROM e.kind OR (body ->> 'n')::bigint IS DISTINCT FROM e.n
      OR body ->> 'case_id' IS DISTINCT FROM NEW.case_id::text OR coalesce(body ->> 'user', '') <> e.user_name THEN
    RAISE EXCEPTION 'case % is not what its event % says', NEW.case_id, NEW.version USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  IF e.kind IN ('decided', 'counter_decided') AND NEW.first_user IS DISTINCT FROM e.user_name OR e.kind = 'second_decided' AND NEW.second_user IS DISTINCT FROM e.user_name THEN
    RAISE EXCEPTION 'the verdict of event % of case % is another person''s', NEW.version, NEW.case_id USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NULL;
END
$$;
-- +goose StatementEnd
CREATE CONSTRAINT TRIGGER cases_follow_events
    AFTER INSERT OR UPDATE OF version, head_sha256, present, shape, state, settles_to, effective_at, due_at, corrected, hold_reason, hold_until, held_since, amount_cents, marks,
        number, incidents, first_user, second_user, barred, assigned_to, assigned_until, zone, municipality, site, camera ON cases
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION case_row_follows();

-- Each event is in the row of its case at the end of its transaction.
-- +goose StatementBegin
CREATE FUNCTION case_event_counts() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  IF NOT EXISTS (SELECT FROM cases WHERE case_id = NEW.case_id AND version >= NEW.n) THEN
    RAISE EXCEPTION 'event % of case % changes no row', NEW.n, NEW.case_id USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NULL;
END
$$;
-- +goose StatementEnd
CREATE CONSTRAINT TRIGGER case_events_count AFTER INSERT ON case_events DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION case_event_counts();

-- A temporary table of the name of a table stands before it, unless a function says where it looks.
ALTER FUNCTION case_event_follows() SET search_path = public, pg_temp;

-- A case stays. Its retention, when there is one, comes with a function of its own.
CREATE TRIGGER cases_stay BEFORE DELETE OR TRUNCATE ON cases FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Where the proof of all cases stands, for all offices together: a restart goes on there.
CREATE TABLE case_proof
(
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    place    uuid,                                          -- the last case proved in this round; NULL = none yet
    began_at timestamptz NOT NULL DEFAULT clock_timestamp(), -- of this round
    proved   bigint NOT NULL DEFAULT 0,                     -- cases of this round
    damaged  bigint NOT NULL DEFAULT 0,
    rounds   bigint NOT NULL DEFAULT 0,                     -- whole ones
    whole_began_at timestamptz,                             -- of the last whole round
    whole_ended_at timestamptz,
    whole_proved   bigint NOT NULL DEFAULT 0,
    whole_damaged  bigint NOT NULL DEFAULT 0
);
INSERT INTO case_proof DEFAULT VALUES;
GRANT SELECT, UPDATE (place, began_at, proved, damaged, rounds, whole_began_at, whole_ended_at, whole_proved, whole_damaged) ON case_proof TO anpr_office;

-- +goose Down
DROP TABLE case_proof;
DROP TRIGGER cases_stay ON cases;
ALTER FUNCTION case_event_follows() RESET search_path;
DROP TRIGGER case_events_count ON case_events;
DROP FUNCTION case_event_counts;
DROP TRIGGER cases_follow_events ON cases;
DROP FUNCTION case_row_follows;
DROP FUNCTION case_settles;
DROP FUNCTION case_columns_repeat;
ALTER TABLE cases DROP COLUMN shape;
