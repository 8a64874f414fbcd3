-- +goose Up
-- An auditor who names a plate also finds the searches whose pattern covers it, by the patterns that are kept in clear, and those for plates that cameras
-- confuse with it. Both are few among all entries.
CREATE INDEX look_up_plates_patterns ON look_up_plates (seq) WHERE plate ~ '[?*]';
CREATE INDEX look_ups_looks_like ON look_ups (seq) WHERE (asked || body) ~ '"looks_like"|"confusable":true';

-- +goose Down
DROP INDEX look_up_plates_patterns, look_ups_looks_like;
