-- +goose Up
-- Questions, so that a page is asked for by search_id and no address holds a plate. Retention deletes them with the plates of the log.
CREATE TABLE searches
(
    search_id  uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    purpose_id uuid        NOT NULL REFERENCES purposes,
    user_name  text        NOT NULL,
    question   jsonb       NOT NULL,
    made_at    timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX searches_by_age ON searches (made_at);

-- What needs a second person. question is what the second person decides about; subject_key is its keyed digest, so that an approval counts
-- for the very question and no other.
CREATE TABLE approvals
(
    approval_id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    kind        text        NOT NULL CHECK (kind IN ('search', 'list', 'rows')),
    subject_key bytea       NOT NULL,
    question    jsonb       NOT NULL,
    purpose_id  uuid        NOT NULL REFERENCES purposes,
    user_name   text        NOT NULL,
    role        text        NOT NULL,
    zones       text[]      NOT NULL,
    asked_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    outcome     text        NOT NULL DEFAULT '' CHECK (outcome IN ('', 'approved', 'refused')),
    decided_by  text        NOT NULL DEFAULT '',
    decided_at  timestamptz,
    CHECK (decided_by <> user_name)
);
CREATE INDEX approvals_waiting ON approvals (asked_at) WHERE outcome = '';
CREATE INDEX approvals_of_user ON approvals (user_name, kind, subject_key);

GRANT SELECT, INSERT ON searches TO anpr_office;
GRANT SELECT, INSERT, UPDATE ON approvals TO anpr_office;
GRANT SELECT, DELETE ON searches, approvals TO anpr_retention;

-- +goose Down
DROP TABLE approvals;
DROP TABLE searches;
