-- +goose Up
-- One row per rejected record. The original bytes are in the dead-letter topic anpr.rejects.v1; here is their beginning.
CREATE TABLE IF NOT EXISTS rejects
(
    reason          LowCardinality(String),
    field           LowCardinality(String),
    detail          String,
    camera_id       String,
    received_at     DateTime64(6, 'UTC') COMMENT '1970 when the record does not say',
    payload_head    String COMMENT 'first 512 bytes',
    payload_size    UInt64,
    payload_sha256  FixedString(32),
    kafka_topic     LowCardinality(String),
    kafka_partition Int32,
    kafka_offset    Int64,
    inserted_at     DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = ReplacingMergeTree
ORDER BY (kafka_topic, kafka_partition, kafka_offset)
TTL toDateTime(inserted_at) + INTERVAL 12 MONTH DELETE
SETTINGS non_replicated_deduplication_window = 10000;
