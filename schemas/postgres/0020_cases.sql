-- +goose Up
-- An offence on its way through the hands of people. A row is the present state; it follows from the rows of case_events alone, and changes only in a
-- transaction that appends one. Columns repeat fields of `present` for selection and for constraints. Lease columns are no part of the state and have no
-- index, so that heartbeats stay in the page.
CREATE TABLE cases
(
    case_id          uuid PRIMARY KEY,         -- random: it says nothing and cannot be guessed from a plate
    offence_id       uuid        NOT NULL,
    attempt          integer     NOT NULL CHECK (attempt >= 1),
    regime           text        NOT NULL CHECK (regime IN ('traffic', 'lez')),
    family           text        NOT NULL,
    zone             text        NOT NULL,     -- police zone; '' = unknown
    municipality     bigint      NOT NULL,     -- NIS code; 0 = unknown
    site             text        NOT NULL,
    camera           text        NOT NULL,
    plate            text        NOT NULL,     -- as sealed
    sealed           bytea       NOT NULL,     -- exact bytes under the seal; never changed
    captured_at      timestamptz NOT NULL,
    taken_in_at      timestamptz NOT NULL,

    version          bigint      NOT NULL CHECK (version >= 1), -- n of the last event
    head_sha256      bytea       NOT NULL CHECK (length(head_sha256) = 32),
    present          jsonb       NOT NULL,
    state            text        NOT NULL CHECK (state IN ('held', 'keying', 'open', 'settling', 'second', 'arbitration', 'confirmed', 'transmitted', 'returned',
                                                           'rejected', 'withdrawn', 'expired', 'annulled')),
    settles_to       text,
    effective_at     timestamptz,
    due_at           timestamptz NOT NULL,     -- decide clock; infinity = it does not run
    corrected        text        NOT NULL,     -- plate that people agreed on; '' = none
    hold_reason      text        NOT NULL,
    hold_until       timestamptz,
    held_since       timestamptz,
    amount_cents     bigint      NOT NULL,
    marks            text[]      NOT NULL,
    number           text        NOT NULL,
    incidents        integer     NOT NULL,     -- open ones
    first_user       text,
    second_user      text,
    barred           text[]      NOT NULL,     -- users to whom the case is not offered
    assigned_to      text,
    assigned_until   timestamptz,
    sweep_at         timestamptz,              -- when the clock alone changes the case
    look_at          timestamptz,              -- when the rules decide the case again
    revive_at        timestamptz,              -- when the passages that the case had swallowed are looked at
    looked_reference text,                     -- reference version of the last look at a hold

    lease_id         uuid,
    lease_user       text,
    lease_since      timestamptz,
    lease_until      timestamptz,
    lease_loaded     bytea[],                  -- pictures that were served under the lease
    lease_probe      boolean,                  -- a closed case shown again

    CONSTRAINT one_case_an_attempt UNIQUE (offence_id, attempt),
    CONSTRAINT four_eyes CHECK (first_user IS NULL OR second_user IS NULL OR first_user <> second_user),
    CONSTRAINT settling_has_its_time CHECK ((state = 'settling') = (settles_to IS NOT NULL) AND (state <> 'settling' OR effective_at IS NOT NULL))
) WITH (fillfactor = 85);

-- The order of the columns decides how fast an item is picked: due_at before zone.
CREATE INDEX cases_queue ON cases (state, due_at, zone) WHERE state IN ('open', 'second', 'keying', 'arbitration');
CREATE INDEX cases_sweep ON cases (sweep_at) WHERE sweep_at IS NOT NULL;
CREATE INDEX cases_look ON cases (look_at) WHERE look_at IS NOT NULL;
CREATE INDEX cases_revive ON cases (revive_at) WHERE revive_at IS NOT NULL;
CREATE INDEX cases_held ON cases (hold_reason, hold_until) WHERE state = 'held';
CREATE INDEX cases_confirmed ON cases (due_at) WHERE state IN ('confirmed', 'returned', 'settling');
CREATE INDEX cases_plate ON cases (plate);
CREATE INDEX cases_corrected ON cases (corrected) WHERE corrected <> '';
CREATE INDEX cases_captured ON cases (captured_at, camera);
CREATE UNIQUE INDEX cases_number ON cases (number) WHERE number <> '';

-- What a case was taken in with never changes, by whoever.
-- +goose StatementBegin
CREATE FUNCTION refuse_other_case() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'a change of the identity or of the sealed bytes of case % is refused', OLD.case_id USING ERRCODE = 'insufficient_privilege';
END
$$;
-- +goose StatementEnd
CREATE TRIGGER cases_identity BEFORE UPDATE OF case_id, offence_id, attempt, regime, family, plate, sealed, captured_at, taken_in_at ON cases
    FOR EACH ROW WHEN ((OLD.case_id, OLD.offence_id, OLD.attempt, OLD.regime, OLD.family, OLD.plate, OLD.sealed, OLD.captured_at, OLD.taken_in_at)
        IS DISTINCT FROM (NEW.case_id, NEW.offence_id, NEW.attempt, NEW.regime, NEW.family, NEW.plate, NEW.sealed, NEW.captured_at, NEW.taken_in_at))
    EXECUTE FUNCTION refuse_other_case();

GRANT SELECT, INSERT ON cases TO anpr_office;
GRANT UPDATE (version, head_sha256, present, state, settles_to, effective_at, due_at, corrected, hold_reason, hold_until, held_since, amount_cents, marks, number, incidents,
    first_user, second_user, barred, assigned_to, assigned_until, sweep_at, look_at, revive_at, looked_reference, lease_id, lease_user, lease_since, lease_until, lease_loaded,
    lease_probe) ON cases TO anpr_office;

-- +goose Down
DROP TABLE cases;
DROP FUNCTION refuse_other_case;
