-- +goose Up
-- What one person takes, over all offices. Tables without a log (UNLOGGED) are empty after a crash: they bound what happens within seconds.
CREATE UNLOGGED TABLE request_rates
(
    user_name text PRIMARY KEY,
    tokens    double precision NOT NULL,
    admitted  boolean          NOT NULL, -- the newest request
    at        timestamptz      NOT NULL
) WITH (fillfactor = 50);

-- A query that runs holds a slot until it ends, or until the slot lapses because its office was killed.
CREATE UNLOGGED TABLE query_slots
(
    user_name text        NOT NULL,
    slot      int         NOT NULL,
    lease     uuid        NOT NULL,
    until     timestamptz NOT NULL,
    PRIMARY KEY (user_name, slot)
) WITH (fillfactor = 50);

-- Plates asked for in the last hour, by keyed digest.
CREATE TABLE plates_asked
(
    user_name text        NOT NULL,
    plate_key bytea       NOT NULL,
    asked_at  timestamptz NOT NULL,
    PRIMARY KEY (user_name, plate_key)
);

-- Rows disclosed on a Brussels day, and how many may be.
CREATE TABLE rows_disclosed
(
    user_name text   NOT NULL,
    day       date   NOT NULL,
    disclosed bigint NOT NULL DEFAULT 0,
    allowance bigint NOT NULL,
    PRIMARY KEY (user_name, day)
) WITH (fillfactor = 50);

GRANT SELECT, INSERT, UPDATE, DELETE ON request_rates, query_slots, plates_asked, rows_disclosed TO anpr_office;
GRANT SELECT, DELETE ON plates_asked, rows_disclosed TO anpr_retention;

-- +goose Down
DROP TABLE rows_disclosed;
DROP TABLE plates_asked;
DROP TABLE query_slots;
DROP TABLE request_rates;
