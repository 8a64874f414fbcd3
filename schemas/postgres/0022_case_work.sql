-- +goose Up
-- Events on their way to the log. A row leaves when the broker has it. The events of one case get their numbers in their order, because each is written
-- under the lock of its case.
CREATE TABLE outbox
(
    seq         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    event_id    uuid        NOT NULL UNIQUE,
    recorded_at timestamptz NOT NULL,
    body        jsonb       NOT NULL -- without plate, text and trace
);
GRANT SELECT, INSERT, DELETE ON outbox TO anpr_office;

-- The one office that publishes. It lapses within seconds after the office died.
CREATE TABLE outbox_reader
(
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    reader   uuid,
    until    timestamptz NOT NULL
);
INSERT INTO outbox_reader (until) VALUES ('-infinity');
GRANT SELECT, UPDATE (reader, until) ON outbox_reader TO anpr_office;

-- Keys under which a change is done once. The same key gives the first answer again for 24 hours.
CREATE TABLE case_keys
(
    user_name   text        NOT NULL,
    request_key text        NOT NULL,
    request_sha256 bytea    NOT NULL,
    answer      jsonb       NOT NULL,
    taken_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (user_name, request_key)
);
CREATE INDEX case_keys_age ON case_keys (taken_at);
GRANT SELECT, INSERT, DELETE, UPDATE (request_sha256, answer, taken_at) ON case_keys TO anpr_office;

-- Which case a lease is for. The lease itself stands in the row of the case; a row here without it is over.
CREATE TABLE case_leases
(
    lease_id  uuid PRIMARY KEY,
    case_id   uuid NOT NULL REFERENCES cases,
    user_name text NOT NULL
);
CREATE INDEX case_leases_of_user ON case_leases (user_name);
GRANT SELECT, INSERT, DELETE ON case_leases TO anpr_office;

-- What the rules say about a plate that somebody proposes. It counts for minutes.
CREATE TABLE case_previews
(
    preview_id uuid PRIMARY KEY,
    case_id    uuid        NOT NULL REFERENCES cases,
    user_name  text        NOT NULL,
    plate      text        NOT NULL,
    country    text        NOT NULL,
    answer     jsonb       NOT NULL,
    made_at    timestamptz NOT NULL
);
CREATE INDEX case_previews_age ON case_previews (made_at);
GRANT SELECT, INSERT, DELETE ON case_previews TO anpr_office;

-- +goose Down
DROP TABLE case_previews;
DROP TABLE case_leases;
DROP TABLE case_keys;
DROP TABLE outbox_reader;
DROP TABLE outbox;
