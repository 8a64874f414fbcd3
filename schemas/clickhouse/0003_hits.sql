-- +goose Up
-- One row per listed plate met by a passage, exactly or through its confusion class.
CREATE TABLE IF NOT EXISTS hits
(
    hit_id            UUID,
    list              LowCardinality(String),
    entry_id          String,
    listed_plate      String,
    match             LowCardinality(String) COMMENT 'exact or confusable',
    reason            String,
    case_ref          String,
    priority          UInt8,
    audience          Array(String),
    plate             String COMMENT 'as read',
    raw_plate         String,
    read_id           UUID,
    passage_id        UUID,
    camera_id         LowCardinality(String),
    site              LowCardinality(String),
    zone              LowCardinality(String),
    municipality      UInt32,
    captured_at       DateTime64(6, 'UTC'),
    received_at       DateTime64(6, 'UTC'),
    confidence        UInt16,
    image_sha256      String,
    late              Bool,
    reference_version LowCardinality(String),
    kafka_partition   Int32,
    kafka_offset      Int64,
    processed_at      DateTime64(6, 'UTC') COMMENT 'when the worker handed it to the topic; not reproduced by a replay',
    inserted_at       DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(captured_at)
ORDER BY (listed_plate, captured_at, hit_id)
TTL toDateTime(captured_at) + INTERVAL 12 MONTH DELETE
SETTINGS non_replicated_deduplication_window = 10000;
