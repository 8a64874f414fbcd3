-- +goose Up
-- The last number of a police zone and a year. The row stays locked until the event that carries the number is written or rolled back, so no number is
-- given twice and none is left out.
CREATE TABLE pv_numbers
(
    zone text    NOT NULL, -- '' = not known
    year integer NOT NULL CHECK (year BETWEEN 2020 AND 2999),
    last bigint  NOT NULL CHECK (last >= 1),
    PRIMARY KEY (zone, year)
) WITH (fillfactor = 50);

-- +goose StatementBegin
CREATE FUNCTION pv_number_follows() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  IF TG_OP = 'INSERT' AND NEW.last <> 1 OR TG_OP = 'UPDATE' AND NEW.last <> OLD.last + 1 THEN
    RAISE EXCEPTION 'the numbers of zone % and year % have no gap and do not go back', NEW.zone, NEW.year USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NEW;
END
$$;
-- +goose StatementEnd
CREATE TRIGGER pv_numbers_follow BEFORE INSERT OR UPDATE ON pv_numbers FOR EACH ROW EXECUTE FUNCTION pv_number_follows();
GRANT SELECT, INSERT, UPDATE (last) ON pv_numbers TO anpr_office;

-- A batch of cases that was handed over on one track. Row, file, the cases in it and their events are written in one transaction; the file is published
-- from here. staged_in names the directory in which it was made ready: whoever finds it no longer there knows that it was published.
CREATE TABLE transmissions
(
    batch_id     uuid PRIMARY KEY,
    track        text        NOT NULL CHECK (track IN ('immediate_collection', 'prosecutor', 'regional', 'municipal', 'alternative')),
    zone         text        NOT NULL, -- that was asked for; '' = all of who asked
    user_name    text        NOT NULL,
    request_key  text        NOT NULL, -- the same key gives the same batch
    made_at      timestamptz NOT NULL,
    cases        integer     NOT NULL CHECK (cases >= 1),
    key_id       text        NOT NULL,
    sha256       bytea       NOT NULL CHECK (length(sha256) = 32),
    size         bigint      NOT NULL,
    file         bytea,                -- NULL = its time is over
    staged_in    text        NOT NULL DEFAULT '',
    staged_at    timestamptz,
    delivered_at timestamptz,
    tries        integer     NOT NULL DEFAULT 0,
    next_try_at  timestamptz NOT NULL,
    problem      text        NOT NULL DEFAULT '',
    UNIQUE (user_name, request_key)
);
ALTER TABLE transmissions ALTER COLUMN file SET STORAGE EXTERNAL; -- pictures do not get smaller
CREATE INDEX transmissions_time ON transmissions (made_at);
CREATE INDEX transmissions_waiting ON transmissions (next_try_at) WHERE delivered_at IS NULL;
GRANT SELECT, INSERT, UPDATE (staged_in, staged_at, delivered_at, tries, next_try_at, problem) ON transmissions TO anpr_office;

-- The cases of a batch, with what the recipient answered.
CREATE TABLE transmitted_cases
(
    batch_id    uuid NOT NULL REFERENCES transmissions,
    case_id     uuid NOT NULL REFERENCES cases,
    number      text NOT NULL,
    zone        text NOT NULL,
    regime      text NOT NULL,
    outcome     text NOT NULL DEFAULT '' CHECK (outcome IN ('', 'acknowledged', 'returned')),
    reason      text NOT NULL DEFAULT '',
    answered_at timestamptz,
    PRIMARY KEY (batch_id, case_id),
    UNIQUE (batch_id, number)
);
CREATE INDEX transmitted_cases_case ON transmitted_cases (case_id);
GRANT SELECT, INSERT, UPDATE (outcome, reason, answered_at) ON transmitted_cases TO anpr_office;

-- Cases that were annulled after they were handed over. The recipient is told again and again until it has answered.
CREATE TABLE annulment_notices
(
    case_id         uuid PRIMARY KEY REFERENCES cases,
    batch_id        text        NOT NULL, -- in which the recipient got the case last
    number          text        NOT NULL,
    track           text        NOT NULL,
    zone            text        NOT NULL,
    regime          text        NOT NULL,
    reason          text        NOT NULL,
    annulled_at     timestamptz NOT NULL,
    copies          integer     NOT NULL DEFAULT 0, -- notices that were written
    next_copy_at    timestamptz NOT NULL,
    problem         text        NOT NULL DEFAULT '',
    acknowledged_at timestamptz
);
CREATE INDEX annulment_notices_open ON annulment_notices (next_copy_at) WHERE acknowledged_at IS NULL;
GRANT SELECT, INSERT, UPDATE (copies, next_copy_at, problem, acknowledged_at) ON annulment_notices TO anpr_office;

-- Why a confirmed case got no number, or was left out of a batch, when that was tried last. A row goes when the case goes on.
CREATE TABLE transmission_obstacles
(
    case_id     uuid PRIMARY KEY REFERENCES cases,
    reasons     text[]      NOT NULL, -- codes
    found_at    timestamptz NOT NULL,
    next_try_at timestamptz NOT NULL
);
GRANT SELECT, INSERT, DELETE, UPDATE (reasons, found_at, next_try_at) ON transmission_obstacles TO anpr_office;

CREATE INDEX cases_unnumbered ON cases (effective_at, case_id) WHERE state = 'confirmed' AND number = '';
CREATE INDEX cases_numbered ON cases ((present ->> 'track'), due_at, case_id) WHERE state = 'confirmed' AND number <> '';
CREATE INDEX case_events_steps ON case_events (recorded_at) WHERE kind IN ('decided', 'transmitted');

-- The file of a batch stays until each of its cases has an answer, and at least 90 days; the line stays.
-- +goose StatementBegin
CREATE FUNCTION delete_answered_transmissions() RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    n bigint;
BEGIN
    UPDATE transmissions t SET file = NULL WHERE file IS NOT NULL AND made_at < clock_timestamp() - interval '90 days'
        AND NOT EXISTS (SELECT FROM transmitted_cases c WHERE c.batch_id = t.batch_id AND c.outcome = '');
    GET DIAGNOSTICS n = ROW_COUNT;
    RETURN n;
END $$;
-- +goose StatementEnd
REVOKE ALL ON FUNCTION delete_answered_transmissions() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION delete_answered_transmissions() TO anpr_office, anpr_retention;

-- A case is annulled after another person approved.
ALTER TABLE approvals DROP CONSTRAINT approvals_kind_check;
ALTER TABLE approvals ADD CONSTRAINT approvals_kind_check CHECK (kind IN ('search', 'list', 'rows', 'annulment', 'repair'));

-- +goose Down
ALTER TABLE approvals DROP CONSTRAINT approvals_kind_check;
ALTER TABLE approvals ADD CONSTRAINT approvals_kind_check CHECK (kind IN ('search', 'list', 'rows'));
DROP FUNCTION delete_answered_transmissions;
DROP INDEX case_events_steps;
DROP INDEX cases_numbered;
DROP INDEX cases_unnumbered;
DROP TABLE transmission_obstacles;
DROP TABLE annulment_notices;
DROP TABLE transmitted_cases;
DROP TABLE transmissions;
DROP TABLE pv_numbers;
DROP FUNCTION pv_number_follows;
