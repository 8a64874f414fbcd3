-- +goose Up
-- One row per passage, written when it closes: one vehicle, one site, once.
CREATE TABLE IF NOT EXISTS passages
(
    passage_id      UUID CODEC(NONE),
    plate           String COMMENT 'of the best read' CODEC(LZ4),
    class           String CODEC(LZ4),
    country         LowCardinality(String),
    site            LowCardinality(String),
    camera_id       LowCardinality(String) COMMENT 'of the best read',
    zone            LowCardinality(String),
    municipality    UInt32,
    first_at        DateTime64(6, 'UTC') CODEC(Delta, LZ4),
    last_at         DateTime64(6, 'UTC') CODEC(Delta, LZ4),
    best_read_id    UUID CODEC(NONE),
    best_confidence UInt16,
    speed_dkmh      Int32 COMMENT 'slowest measured speed of the passage, 0 = none',
    reads           UInt32 COMMENT 'stored rows',
    merged          UInt32 COMMENT 'suppressed repeats of a parked vehicle',
    variants        UInt8 COMMENT 'distinct canonical plates among the reads',
    parked          Bool,
    kafka_partition Int32,
    kafka_offset    Int64 COMMENT 'of the record that closed it',
    inserted_at     DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(first_at)
ORDER BY (plate, first_at, passage_id)
TTL toDateTime(first_at) + INTERVAL 12 MONTH DELETE
SETTINGS non_replicated_deduplication_window = 10000;
