-- +goose Up
-- An act of two persons on many cases: withdraw, expire or annul. The cases are chosen when it is asked for; the second person approves exactly these. The
-- work is done in steps by any office. What happened to a case is written in the transaction of its event, so a repeated step does nothing twice.
CREATE TABLE bulk_acts
(
    bulk_id     uuid PRIMARY KEY,
    approval_id uuid        UNIQUE,             -- NULL = nobody was asked: it never begins. Approvals are deleted before acts.
    kind        text        NOT NULL CHECK (kind IN ('withdraw', 'expire', 'annul')),
    query       jsonb       NOT NULL,           -- filter or list of cases, without a plate
    reason      text        NOT NULL,           -- of the closed list; '' of expire
    text        text        NOT NULL,
    cases       bigint      NOT NULL CHECK (cases >= 1),
    user_name   text        NOT NULL,
    zones       text[]      NOT NULL,           -- of who asked; none = all
    regimes     text[]      NOT NULL,
    purpose_id  text        NOT NULL,
    log_seq     bigint      NOT NULL,           -- of the question in the look-up log
    asked_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    approver    text        NOT NULL DEFAULT '',
    began_at    timestamptz,
    ended_at    timestamptz,
    CHECK (approver <> user_name),
    CHECK ((began_at IS NULL) = (approver = ''))
);
CREATE INDEX bulk_acts_under_way ON bulk_acts (asked_at) WHERE ended_at IS NULL;

CREATE TABLE bulk_cases
(
    bulk_id      uuid    NOT NULL REFERENCES bulk_acts ON DELETE CASCADE,
    case_id      uuid    NOT NULL REFERENCES cases,
    outcome      text    NOT NULL DEFAULT '',   -- '' = waits; done; else the code of the refusal
    detail       text    NOT NULL DEFAULT '',   -- why it was refused
    event_id     uuid,
    state_before text    NOT NULL DEFAULT '',
    number       text    NOT NULL DEFAULT '',   -- of a case that had been handed over, for the letter to its recipient
    track        text    NOT NULL DEFAULT '',
    batch        text    NOT NULL DEFAULT '',
    amount_cents bigint  NOT NULL DEFAULT 0,
    sent_at      timestamptz,                   -- NULL = never handed over: no letter
    PRIMARY KEY (bulk_id, case_id),
    CHECK ((outcome = 'done') = (event_id IS NOT NULL))
);
CREATE INDEX bulk_cases_waiting ON bulk_cases (bulk_id, case_id) WHERE outcome = '';

GRANT SELECT, INSERT, DELETE ON bulk_acts, bulk_cases TO anpr_office;
GRANT UPDATE (approval_id, approver, began_at, ended_at) ON bulk_acts TO anpr_office;
GRANT UPDATE (outcome, detail, event_id, state_before, number, track, batch, amount_cents, sent_at) ON bulk_cases TO anpr_office;

-- What was asked, and for which cases, is fixed once a second person was asked; what happened to a case is written once.
-- +goose StatementBegin
CREATE FUNCTION bulk_act_stands() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  IF TG_OP = 'DELETE' THEN
    IF OLD.approval_id IS NOT NULL THEN
      RAISE EXCEPTION 'bulk act % was asked for and stays', OLD.bulk_id USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN OLD;
  END IF;
  IF OLD.approval_id IS NOT NULL AND NEW.approval_id IS DISTINCT FROM OLD.approval_id OR OLD.approver <> '' AND NEW.approver <> OLD.approver
      OR OLD.ended_at IS NOT NULL AND NEW.ended_at IS DISTINCT FROM OLD.ended_at THEN
    RAISE EXCEPTION 'bulk act % is approved and ended once', OLD.bulk_id USING ERRCODE = 'insufficient_privilege';
  END IF;
  RETURN NEW;
END
$$;
CREATE FUNCTION bulk_case_stands() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  IF TG_OP = 'UPDATE' AND OLD.outcome = '' THEN
    RETURN NEW;
  END IF;
  IF TG_OP <> 'UPDATE' AND NOT EXISTS (SELECT FROM bulk_acts WHERE bulk_id = CASE WHEN TG_OP = 'DELETE' THEN OLD.bulk_id ELSE NEW.bulk_id END AND approval_id IS NOT NULL) THEN
    RETURN CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
  END IF;
  RAISE EXCEPTION 'the cases of bulk act % stand', CASE WHEN TG_OP = 'DELETE' THEN OLD.bulk_id ELSE NEW.bulk_id END USING ERRCODE = 'insufficient_privilege';
END
$$;
-- +goose StatementEnd
CREATE TRIGGER bulk_acts_stand BEFORE UPDATE OR DELETE ON bulk_acts FOR EACH ROW EXECUTE FUNCTION bulk_act_stands();
CREATE TRIGGER bulk_cases_stand BEFORE INSERT OR UPDATE OR DELETE ON bulk_cases FOR EACH ROW EXECUTE FUNCTION bulk_case_stands();

-- The kinds are those of the office; a kind that it does not know, it lets nobody decide.
ALTER TABLE approvals DROP CONSTRAINT approvals_kind_check;
ALTER TABLE approvals ADD CONSTRAINT approvals_kind_check CHECK (kind ~ '^[a-z_]{3,32}$');

-- +goose Down
DELETE FROM approvals WHERE kind = 'bulk';
ALTER TABLE approvals DROP CONSTRAINT approvals_kind_check;
ALTER TABLE approvals ADD CONSTRAINT approvals_kind_check CHECK (kind IN ('search', 'list', 'rows', 'annulment', 'repair'));
DROP TABLE bulk_cases;
DROP TABLE bulk_acts;
DROP FUNCTION bulk_case_stands;
DROP FUNCTION bulk_act_stands;
