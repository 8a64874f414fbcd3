-- +goose Up
-- One row per record that repeats a stored read: a retransmission, or a parked vehicle seen again. Together with reads and
-- rejects it accounts for every offset of the log that is not a tick.
CREATE TABLE IF NOT EXISTS merges
(
    read_id         UUID COMMENT 'of the record; for a retransmission the stored row has the same',
    passage_id      UUID COMMENT 'the passage it is counted on; zero for a retransmission',
    kind            LowCardinality(String) COMMENT 'retransmission or parked',
    camera_id       LowCardinality(String),
    captured_at     DateTime64(6, 'UTC'),
    received_at     DateTime64(6, 'UTC'),
    kafka_partition Int32,
    kafka_offset    Int64,
    inserted_at     DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(received_at)
ORDER BY (kafka_partition, kafka_offset)
TTL toDateTime(received_at) + INTERVAL 12 MONTH DELETE
SETTINGS non_replicated_deduplication_window = 10000;
