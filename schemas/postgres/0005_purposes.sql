-- +goose Up
-- What people said they look things up for. A request names its purpose by purpose_id, which is random: it says nothing and cannot be guessed.
CREATE TABLE purposes
(
    purpose_id     uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    user_name      text        NOT NULL,
    role           text        NOT NULL,
    zones          text[]      NOT NULL,
    sign_in        text        NOT NULL, -- the sign-in that opened it, and alone may use it
    purpose        text        NOT NULL,
    reason         text        NOT NULL,
    case_ref       text        NOT NULL,
    prosecutor_ref text        NOT NULL,
    opened_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    ends_at        timestamptz NOT NULL,
    ended_at       timestamptz,
    end_cause      text        NOT NULL DEFAULT '' CHECK (end_cause IN ('', 'user', 'refused'))
);
CREATE INDEX purposes_of_user ON purposes (user_name, opened_at);
CREATE INDEX purposes_of_decision ON purposes (prosecutor_ref) WHERE prosecutor_ref <> '';

-- Numbers of decisions of the King's Prosecutor that were stated, for the prosecutor to confirm each week. A refused one ends its purposes.
CREATE TABLE prosecutor_decisions
(
    prosecutor_ref text PRIMARY KEY,
    first_stated   timestamptz NOT NULL DEFAULT clock_timestamp(),
    last_stated    timestamptz NOT NULL DEFAULT clock_timestamp(),
    outcome        text        NOT NULL DEFAULT '' CHECK (outcome IN ('', 'confirmed', 'refused')),
    decided_by     text        NOT NULL DEFAULT '',
    decided_at     timestamptz
);

GRANT SELECT, INSERT, UPDATE ON purposes, prosecutor_decisions TO anpr_office;
GRANT SELECT, DELETE ON purposes, prosecutor_decisions TO anpr_retention;

-- +goose Down
DROP TABLE prosecutor_decisions;
DROP TABLE purposes;
