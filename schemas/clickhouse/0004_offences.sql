-- +goose Up
-- One row per candidate offence (candidate) or offence waiting for something (held). Never a fine: an officer decides,
-- and his decision is another record.
CREATE TABLE IF NOT EXISTS offences
(
    offence_id        UUID,
    rule              LowCardinality(String),
    rule_version      LowCardinality(String),
    family            LowCardinality(String),
    status            LowCardinality(String) COMMENT 'candidate or held',
    reason            LowCardinality(String),
    hold_until        DateTime64(6, 'UTC') COMMENT '1970 = not held by time',
    plate             String,
    class             String,
    country           LowCardinality(String),
    passage_id        UUID,
    read_id           UUID COMMENT 'the read it is decided on',
    camera_id         LowCardinality(String),
    site              LowCardinality(String),
    zone              LowCardinality(String),
    municipality      UInt32,
    captured_at       DateTime64(6, 'UTC'),
    day               Date32 COMMENT 'Brussels calendar day of capture',
    measured_dkmh     Int32,
    corrected_dkmh    Int32,
    limit_dkmh        Int32,
    amount_cents      Int64,
    legal_basis       String,
    verified          Bool COMMENT 'every catalogue value used carries verified: true',
    trace             String COMMENT 'JSON array of steps',
    catalogue_version LowCardinality(String),
    reference_version LowCardinality(String),
    image_sha256      String,
    seal_sha256       FixedString(32),
    prev_seal_sha256  FixedString(32),
    sealed            String COMMENT 'the exact bytes that seal_sha256 is the SHA-256 of, see pipeline/evidence' CODEC(ZSTD(1)),
    kafka_partition   Int32,
    kafka_offset      Int64 COMMENT 'of the record that closed the passage',
    seq               UInt32 COMMENT 'order of decisions within that record',
    inserted_at       DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(captured_at)
ORDER BY (family, captured_at, offence_id)
SETTINGS non_replicated_deduplication_window = 10000;
