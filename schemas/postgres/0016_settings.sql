-- +goose Up
-- What a person set for the pages: language, keys, sound, contrast. It holds nothing of a look-up. version counts the changes.
CREATE TABLE settings
(
    user_name  text        PRIMARY KEY,
    version    bigint      NOT NULL DEFAULT 1,
    settings   jsonb       NOT NULL,
    changed_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- Answers to changes, by the key that the client gave each: who sends a change again gets the first answer. request_sha256 is of what was sent, so that a key
-- stands for one change. Without an answer the change is under way.
CREATE TABLE request_keys
(
    user_name      text        NOT NULL,
    route          text        NOT NULL,
    request_key    text        NOT NULL,
    request_sha256 bytea       NOT NULL CHECK (length(request_sha256) = 32),
    answer         jsonb,
    taken_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (user_name, route, request_key)
);
CREATE INDEX request_keys_by_age ON request_keys (taken_at);

GRANT SELECT, INSERT, UPDATE ON settings TO anpr_office;
GRANT SELECT, INSERT, UPDATE, DELETE ON request_keys TO anpr_office;
GRANT SELECT, DELETE ON settings, request_keys TO anpr_retention;

-- +goose Down
DROP TABLE settings, request_keys;
