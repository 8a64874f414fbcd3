-- +goose Up
-- One row per stored read. Sorted for the question asked most: this plate, over time. plate is LZ4, not ZSTD: ZSTD made
-- every plate scan 4-5 times slower for 2 bytes a row (STREAMING.md section 6). index_granularity cannot be altered: a
-- database made before 2026-11-25 keeps 8192 and reads eight times the rows for each plate of a look-up.
CREATE TABLE IF NOT EXISTS reads
(
    read_id            UUID CODEC(NONE),
    passage_id         UUID CODEC(NONE),
    camera_id          LowCardinality(String),
    site               LowCardinality(String),
    zone               LowCardinality(String) COMMENT 'police zone that may use the read at capture time',
    municipality       UInt32 COMMENT 'NIS code',
    captured_at        DateTime64(6, 'UTC') CODEC(Delta, LZ4),
    received_at        DateTime64(6, 'UTC') CODEC(Delta, LZ4),
    plate              String COMMENT 'canonical' CODEC(LZ4),
    class              String COMMENT 'confusion class of plate' CODEC(LZ4),
    raw_plate          String COMMENT 'as the camera sent it',
    country            LowCardinality(String) COMMENT 'ISO 3166-1 alpha-2 or empty',
    country_confidence UInt16 COMMENT 'per mille',
    confidence         UInt16 COMMENT 'per mille',
    lane               UInt8,
    direction          LowCardinality(String),
    speed_dkmh         Int32 COMMENT 'measured, uncorrected, tenths of km/h; 0 = not measured',
    kind               LowCardinality(String),
    make               LowCardinality(String),
    colour             LowCardinality(String),
    format             LowCardinality(String) COMMENT 'adapter',
    event_id           String COMMENT 'the camera''s own id',
    image_sha256       String COMMENT '32 raw bytes or empty',
    candidates         Array(String),
    candidates_pm      Array(UInt16),
    late               Bool,
    late_upload        Bool,
    clock_suspect      Bool,
    kafka_partition    Int32,
    kafka_offset       Int64 CODEC(Delta, LZ4),
    inserted_at        DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(captured_at)
ORDER BY (plate, captured_at, read_id)
TTL toDateTime(captured_at) + INTERVAL 12 MONTH DELETE
SETTINGS non_replicated_deduplication_window = 10000, index_granularity = 1024;
