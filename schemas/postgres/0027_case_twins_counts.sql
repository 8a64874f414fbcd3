-- +goose Up
-- The plate that people put in the place of the sealed one, from the first verdict or the second keying on, until the case has ended. Two cases of one
-- plate in the period of one offence are found by it.
ALTER TABLE cases ADD COLUMN claimed text NOT NULL DEFAULT '';
ALTER TABLE cases DISABLE TRIGGER USER;
UPDATE cases SET claimed = coalesce(CASE WHEN present #>> '{first,kind}' = 'correct_plate' THEN present #>> '{first,plate,plate}' END, corrected)
    WHERE state NOT IN ('rejected', 'withdrawn', 'expired', 'annulled') AND (corrected <> '' OR present #>> '{first,kind}' = 'correct_plate');
ALTER TABLE cases ENABLE TRIGGER USER;
CREATE INDEX cases_claimed ON cases (claimed) WHERE claimed <> '';
GRANT UPDATE (claimed) ON cases TO anpr_office;

-- +goose StatementBegin
CREATE FUNCTION case_claim_follows() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  IF NEW.claimed <> OLD.claimed AND NEW.version = OLD.version AND NEW.state = OLD.state THEN
    RAISE EXCEPTION 'the plate of case % changes without an event', NEW.case_id USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NULL;
END
$$;
-- +goose StatementEnd
CREATE CONSTRAINT TRIGGER cases_claim_follows AFTER UPDATE OF claimed ON cases DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION case_claim_follows();

-- How many cases there are, kept in the transaction of each change: a row for each change, added up to one for each bucket, state and reason when there are many. So
-- nobody waits for a counter, and nobody reads all cases to count them. bucket is the first byte of the id of the case.
CREATE TABLE case_counts
(
    bucket      smallint NOT NULL,
    state       text     NOT NULL,
    hold_reason text     NOT NULL, -- of held; else ''
    n           bigint   NOT NULL, -- cases; each column is what is added
    first       bigint   NOT NULL, -- of them first attempts
    versions    bigint   NOT NULL  -- sum of their versions: their events
);
CREATE INDEX case_counts_bucket ON case_counts (bucket);
INSERT INTO case_counts
    SELECT get_byte(uuid_send(case_id), 0), state, CASE WHEN state = 'held' THEN hold_reason ELSE '' END, count(*), count(*) FILTER (WHERE attempt = 1), sum(version)
    FROM cases GROUP BY 1, 2, 3;
GRANT SELECT ON case_counts TO anpr_office;

-- +goose StatementBegin
CREATE FUNCTION count_case() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  IF TG_OP = 'UPDATE' THEN
    IF (OLD.state, OLD.version, OLD.hold_reason) = (NEW.state, NEW.version, NEW.hold_reason) THEN
      RETURN NULL;
    END IF;
    INSERT INTO case_counts VALUES (get_byte(uuid_send(OLD.case_id), 0), OLD.state, CASE WHEN OLD.state = 'held' THEN OLD.hold_reason ELSE '' END, -1, -(OLD.attempt = 1)::int, -OLD.version);
  END IF;
  INSERT INTO case_counts VALUES (get_byte(uuid_send(NEW.case_id), 0), NEW.state, CASE WHEN NEW.state = 'held' THEN NEW.hold_reason ELSE '' END, 1, (NEW.attempt = 1)::int, NEW.version);
  RETURN NULL;
END
$$;
-- +goose StatementEnd
CREATE TRIGGER cases_count AFTER INSERT OR UPDATE OF state, version, hold_reason ON cases FOR EACH ROW EXECUTE FUNCTION count_case();

-- Adds the counts up when there are more than `many`, and returns how many rows it took.
-- +goose StatementBegin
CREATE FUNCTION add_case_counts(many bigint) RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  taken bigint;
BEGIN
  IF (SELECT count(*) FROM case_counts) <= many OR NOT pg_try_advisory_xact_lock(hashtextextended('add up case_counts', 0)) THEN
    RETURN 0;
  END IF;
  WITH gone AS (DELETE FROM case_counts RETURNING *),
    kept AS (INSERT INTO case_counts SELECT bucket, state, hold_reason, sum(n), sum(first), sum(versions) FROM gone GROUP BY 1, 2, 3
        HAVING sum(n) <> 0 OR sum(first) <> 0 OR sum(versions) <> 0)
  SELECT count(*) INTO taken FROM gone;
  RETURN taken;
END
$$;
-- +goose StatementEnd
REVOKE ALL ON FUNCTION add_case_counts(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION add_case_counts(bigint) TO anpr_office;

-- What the counts do not have.
CREATE INDEX cases_settling ON cases (effective_at) WHERE state = 'settling';
CREATE INDEX cases_held_since ON cases (hold_reason, held_since) WHERE state = 'held';
CREATE INDEX cases_longest ON cases (((present ->> 'hold_longest')::bigint)) WHERE state IN ('held', 'keying');

-- Where the audit of the counts stands, for all offices together: bucket by bucket, each against the cases and events of one moment.
CREATE TABLE case_audit
(
    only_row   boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    bucket     smallint NOT NULL DEFAULT 0 CHECK (bucket BETWEEN 0 AND 255), -- the next
    unbalanced bigint   NOT NULL DEFAULT 0,  -- of this pass
    passes     bigint   NOT NULL DEFAULT 0,  -- whole ones
    whole_unbalanced bigint NOT NULL DEFAULT 0,
    whole_ended_at   timestamptz
);
INSERT INTO case_audit DEFAULT VALUES;
GRANT SELECT, UPDATE (bucket, unbalanced, passes, whole_unbalanced, whole_ended_at) ON case_audit TO anpr_office;

-- +goose Down
DROP TABLE case_audit;
DROP INDEX cases_longest;
DROP INDEX cases_held_since;
DROP INDEX cases_settling;
DROP FUNCTION add_case_counts;
DROP TRIGGER cases_count ON cases;
DROP FUNCTION count_case;
DROP TABLE case_counts;
DROP TRIGGER cases_claim_follows ON cases;
DROP FUNCTION case_claim_follows;
ALTER TABLE cases DROP COLUMN claimed;
