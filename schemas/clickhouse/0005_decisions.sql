-- +goose Up
-- One row per verdict of a rule that is not plainly "limit kept": offences, holds, exemptions, withheld, warnings, repeats,
-- each with its trace.
CREATE TABLE IF NOT EXISTS decisions
(
    passage_id        UUID,
    rule              LowCardinality(String),
    rule_version      LowCardinality(String),
    family            LowCardinality(String),
    outcome           LowCardinality(String),
    reason            LowCardinality(String),
    offence_id        UUID COMMENT 'zero when the outcome makes none',
    plate             String,
    country           LowCardinality(String),
    camera_id         LowCardinality(String),
    read_id           UUID,
    captured_at       DateTime64(6, 'UTC'),
    trace             String COMMENT 'JSON array of steps',
    catalogue_version LowCardinality(String),
    reference_version LowCardinality(String),
    kafka_partition   Int32,
    kafka_offset      Int64,
    inserted_at       DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(captured_at)
ORDER BY (plate, captured_at, rule, passage_id)
TTL toDateTime(captured_at) + INTERVAL 12 MONTH DELETE
SETTINGS non_replicated_deduplication_window = 10000;
