-- +goose Up
-- How much work there is, kept in the transaction of each change as case_counts are: a row for each change, added up when there are many. Nobody waits for a
-- counter, and neither the work list nor the page of supervisors reads the index of all undecided cases.
CREATE TABLE case_work
(
    kind   text    NOT NULL, -- a state in which a case waits for people; 'brought' = what a zone brings in a year
    zone   text    NOT NULL,
    regime text    NOT NULL,
    day    integer NOT NULL, -- days since 1970: the Brussels day at whose end the case is overdue; of 'brought' the Brussels year of the capture
    n      bigint  NOT NULL, -- cases: what is added
    summed boolean NOT NULL DEFAULT false
);
CREATE INDEX case_work_changes ON case_work (kind) WHERE NOT summed;

-- Confirmed cases, each with what keeps it from its batch: '' = nothing but the batch. Obstacles that recipients found stand in transmission_obstacles.
CREATE TABLE unsent_cases
(
    case_id  uuid PRIMARY KEY,
    zone     text NOT NULL,
    regime   text NOT NULL,
    why      text NOT NULL, -- incident_open, blocked, file_not_read, no_number or ''
    ready_at timestamptz    -- since when it could go: its number, or what somebody mended or settled since
);

CREATE VIEW unsent_now AS
    SELECT case_id, zone, regime, CASE WHEN incidents > 0 THEN 'incident_open' WHEN jsonb_array_length(coalesce(nullif(present -> 'blocks', 'null'), '[]')) > 0 THEN 'blocked'
            WHEN present -> 'file' IS NULL THEN 'file_not_read' WHEN number = '' THEN 'no_number' ELSE '' END AS why,
        coalesce((SELECT max(e.recorded_at) FROM case_events e WHERE e.case_id = cases.case_id AND e.kind IN ('numbered', 'mended', 'track_changed', 'incident_closed')), effective_at) AS ready_at
    FROM cases WHERE state = 'confirmed';

CREATE VIEW work_now AS
    SELECT state AS kind, zone, regime, ((least(due_at, timestamptz '9999-01-01 00:00:00+00') - interval '1 microsecond') AT TIME ZONE 'Europe/Brussels')::date - date '1970-01-01' AS day, count(*) AS n
    FROM cases WHERE state IN ('open', 'second', 'keying', 'arbitration', 'confirmed') GROUP BY 1, 2, 3, 4
    UNION ALL SELECT 'brought', zone, regime, extract(year FROM captured_at AT TIME ZONE 'Europe/Brussels')::integer, count(*)
    FROM cases WHERE state IN ('confirmed', 'transmitted', 'returned') GROUP BY 1, 2, 3, 4;

-- +goose StatementBegin
CREATE FUNCTION add_case_work(c cases, sign integer) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  IF c.state IN ('open', 'second', 'keying', 'arbitration', 'confirmed') THEN
    INSERT INTO case_work VALUES (c.state, c.zone, c.regime,
      ((least(c.due_at, timestamptz '9999-01-01 00:00:00+00') - interval '1 microsecond') AT TIME ZONE 'Europe/Brussels')::date - date '1970-01-01', sign);
  END IF;
  IF c.state IN ('confirmed', 'transmitted', 'returned') THEN
    INSERT INTO case_work VALUES ('brought', c.zone, c.regime, extract(year FROM c.captured_at AT TIME ZONE 'Europe/Brussels')::integer, sign);
  END IF;
END
$$;
-- +goose StatementEnd
REVOKE ALL ON FUNCTION add_case_work(cases, integer) FROM PUBLIC;

-- +goose StatementBegin
CREATE FUNCTION keep_case_work() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  IF TG_OP = 'UPDATE' THEN
    PERFORM add_case_work(OLD, -1);
  END IF;
  PERFORM add_case_work(NEW, 1);
  RETURN NULL;
END
$$;
-- +goose StatementEnd
CREATE TRIGGER cases_work_of_new AFTER INSERT ON cases FOR EACH ROW EXECUTE FUNCTION keep_case_work();
CREATE TRIGGER cases_work AFTER UPDATE OF state, due_at, zone ON cases FOR EACH ROW
    WHEN ((OLD.state, OLD.due_at, OLD.zone) IS DISTINCT FROM (NEW.state, NEW.due_at, NEW.zone)) EXECUTE FUNCTION keep_case_work();

-- +goose StatementBegin
CREATE FUNCTION keep_unsent_case() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  IF NEW.state <> 'confirmed' THEN
    DELETE FROM unsent_cases WHERE case_id = NEW.case_id;
    RETURN NULL;
  END IF;
  INSERT INTO unsent_cases SELECT * FROM unsent_now WHERE case_id = NEW.case_id
    ON CONFLICT (case_id) DO UPDATE SET zone = excluded.zone, why = excluded.why, ready_at = excluded.ready_at;
  RETURN NULL;
END
$$;
-- +goose StatementEnd
CREATE TRIGGER cases_unsent_of_new AFTER INSERT ON cases FOR EACH ROW WHEN (NEW.state = 'confirmed') EXECUTE FUNCTION keep_unsent_case();
CREATE TRIGGER cases_unsent AFTER UPDATE OF version, state, present, number, incidents, effective_at, zone ON cases FOR EACH ROW
    WHEN (OLD.state = 'confirmed' OR NEW.state = 'confirmed') EXECUTE FUNCTION keep_unsent_case();

-- Counts everything anew, for the owner of the database: at first, and when the audit tells of a difference.
-- +goose StatementBegin
CREATE FUNCTION recount_case_work() RETURNS void LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  LOCK TABLE cases IN SHARE ROW EXCLUSIVE MODE;
  DELETE FROM case_work;
  INSERT INTO case_work SELECT kind, zone, regime, day, n, true FROM work_now;
  DELETE FROM unsent_cases;
  INSERT INTO unsent_cases SELECT * FROM unsent_now;
END
$$;
-- +goose StatementEnd
REVOKE ALL ON FUNCTION recount_case_work() FROM PUBLIC;
SELECT recount_case_work();

-- Adds the changes up when there are more than `many`, and returns how many rows it took.
-- +goose StatementBegin
CREATE FUNCTION sum_case_work(many bigint) RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  taken bigint;
BEGIN
  IF (SELECT count(*) FROM case_work WHERE NOT summed) <= many OR NOT pg_try_advisory_xact_lock(hashtextextended('sum case_work', 0)) THEN
    RETURN 0;
  END IF;
  WITH gone AS (DELETE FROM case_work RETURNING *),
    kept AS (INSERT INTO case_work SELECT kind, zone, regime, day, sum(n), true FROM gone GROUP BY 1, 2, 3, 4 HAVING sum(n) <> 0)
  SELECT count(*) INTO taken FROM gone;
  RETURN taken;
END
$$;
-- +goose StatementEnd
REVOKE ALL ON FUNCTION sum_case_work(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION sum_case_work(bigint) TO anpr_office;
GRANT SELECT ON case_work, unsent_cases, work_now, unsent_now TO anpr_office;

-- +goose Down
DROP FUNCTION sum_case_work;
DROP FUNCTION recount_case_work;
DROP TRIGGER cases_unsent ON cases;
DROP TRIGGER cases_unsent_of_new ON cases;
DROP FUNCTION keep_unsent_case;
DROP TRIGGER cases_work ON cases;
DROP TRIGGER cases_work_of_new ON cases;
DROP FUNCTION keep_case_work;
DROP FUNCTION add_case_work;
DROP VIEW work_now;
DROP VIEW unsent_now;
DROP TABLE unsent_cases;
DROP TABLE case_work;
