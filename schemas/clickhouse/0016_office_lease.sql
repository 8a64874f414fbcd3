-- +goose Up
-- Which office writes the access log: the chain has one writer. Rows are claims, beats and releases; the server's clock orders them.
CREATE TABLE IF NOT EXISTS office_lease
(
    holder     UUID,
    host       String,
    pid        UInt32,
    claimed_at DateTime64(6, 'UTC') COMMENT 'when the holder first claimed, by the clock of the server',
    released   Bool,
    at         DateTime64(6, 'UTC') DEFAULT now64(6)
)
ENGINE = MergeTree
ORDER BY at
TTL toDateTime(at) + INTERVAL 1 DAY DELETE
SETTINGS ttl_only_drop_parts = 0, non_replicated_deduplication_window = 0;
