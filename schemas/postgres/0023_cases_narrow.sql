-- +goose Up
-- Present state and sealed bytes stand beside the row, so that a lease or a heartbeat writes a short row, and counting reads short ones.
ALTER TABLE cases SET (toast_tuple_target = 256);

-- +goose Down
ALTER TABLE cases RESET (toast_tuple_target);
