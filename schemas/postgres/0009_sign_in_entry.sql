-- +goose Up
-- Number of the entry of the look-up log that says that the person signed in; 0 = not written yet.
ALTER TABLE sign_ins ADD COLUMN log_seq bigint NOT NULL DEFAULT 0;

-- +goose Down
ALTER TABLE sign_ins DROP COLUMN log_seq;
