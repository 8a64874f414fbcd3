-- +goose Up
-- What happened to cases, one row an event, chained per case: sha256 is over the sum of the event before and the body. Rows are only appended, each
-- after the one before. The columns repeat the body for selection and for constraints.
CREATE TABLE case_events
(
    case_id     uuid        NOT NULL REFERENCES cases,
    n           bigint      NOT NULL CHECK (n >= 1),
    event_id    uuid        NOT NULL, -- version 7
    kind        text        NOT NULL,
    recorded_at timestamptz NOT NULL,
    user_name   text        NOT NULL, -- '' = a job or the intake
    approver    text        NOT NULL, -- '' = none
    body        bytea       NOT NULL, -- JSON, exactly as it was summed
    prev_sha256 bytea       NOT NULL, -- empty for n = 1
    sha256      bytea       NOT NULL,

    PRIMARY KEY (case_id, n),
    CONSTRAINT chained CHECK (sha256 = sha256(prev_sha256 || body)),
    CONSTRAINT begins_with_intake CHECK ((n = 1) = (kind = 'taken_in') AND (n = 1) = (prev_sha256 = ''::bytea)),
    CONSTRAINT asker_is_not_approver CHECK (approver = '' OR user_name <> '' AND approver <> user_name)
);
CREATE INDEX case_events_answers ON case_events (user_name, recorded_at) WHERE kind IN ('decided', 'second_decided', 'keyed', 'probe');

-- +goose StatementBegin
CREATE FUNCTION case_event_follows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.n > 1 AND NOT EXISTS (SELECT FROM case_events WHERE case_id = NEW.case_id AND n = NEW.n - 1 AND sha256 = NEW.prev_sha256) THEN
    RAISE EXCEPTION 'event % of case % does not follow the event before', NEW.n, NEW.case_id USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NEW;
END
$$;
-- +goose StatementEnd
CREATE TRIGGER case_events_follow BEFORE INSERT ON case_events FOR EACH ROW EXECUTE FUNCTION case_event_follows();
CREATE TRIGGER case_events_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON case_events FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
GRANT SELECT, INSERT ON case_events TO anpr_office;

-- A thing that does not hold, until a supervisor closes it.
CREATE TABLE incidents
(
    case_id   uuid        NOT NULL REFERENCES cases,
    n         bigint      NOT NULL, -- number of its event
    kind      text        NOT NULL,
    text      text        NOT NULL,
    opened_at timestamptz NOT NULL,
    closed_at timestamptz,
    PRIMARY KEY (case_id, n)
);
CREATE INDEX incidents_open ON incidents (opened_at) WHERE closed_at IS NULL;
GRANT SELECT, INSERT, UPDATE (closed_at) ON incidents TO anpr_office;

-- +goose Down
DROP TABLE incidents;
DROP TABLE case_events;
DROP FUNCTION case_event_follows;
