-- +goose Up
-- The ledger: one row per planned range [start_offset, end_offset) of a partition, with what became of its records.
-- fetched = stored + merged + rejected + ticks holds in every row; the ranges of a partition neither overlap nor leave a gap.
CREATE TABLE IF NOT EXISTS batches
(
    kafka_topic       LowCardinality(String),
    kafka_partition   Int32,
    start_offset      Int64,
    end_offset        Int64,
    fetched           UInt64,
    stored            UInt64,
    merged            UInt64,
    rejected          UInt64,
    ticks             UInt64,
    passages          UInt64,
    hits              UInt64,
    offences          UInt64,
    log_clock         DateTime64(6, 'UTC') COMMENT 'latest received_at of the partition up to end_offset',
    catalogue_version LowCardinality(String),
    reference_version LowCardinality(String),
    inserted_at       DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = ReplacingMergeTree
ORDER BY (kafka_topic, kafka_partition, start_offset)
SETTINGS non_replicated_deduplication_window = 10000;
