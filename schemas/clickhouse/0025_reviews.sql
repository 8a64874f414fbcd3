-- +goose Up
-- What happened to cases, for statistics: one row per event of a case, from the topic anpr.reviews.v1. PostgreSQL has the cases; here no row
-- holds a plate, a text, a trace, or an id or hash made from a plate. An event may be stored more than once, so counts are over distinct event ids.
CREATE TABLE IF NOT EXISTS reviews
(
    event_id          UUID COMMENT 'version 7',
    case_id           UUID COMMENT 'random',
    attempt           UInt32 COMMENT 'of the offence, from 1',
    n                 Int64 COMMENT '1, 2, ... in the case',
    kind              LowCardinality(String),
    from_state        LowCardinality(String),
    to_state          LowCardinality(String),
    settles_to        LowCardinality(String) COMMENT 'the state from effective_at on, for a verdict',
    recorded_at       DateTime64(6, 'UTC'),
    effective_at      DateTime64(6, 'UTC') COMMENT '1970 = at once',
    user              LowCardinality(String) COMMENT 'empty = intake or a job',
    role              LowCardinality(String),
    purpose_id        String,
    log_seq           UInt64 COMMENT 'of the look-up log; 0 = none',
    verdict           LowCardinality(String) COMMENT 'confirm, reject or correct_plate',
    reason            LowCardinality(String),
    triggers          Array(String) COMMENT 'why a second person looks',
    incident          LowCardinality(String) COMMENT 'kind of an incident',
    checks            Array(Bool) COMMENT 'the five checks for the eye',
    pictures_sha256   Array(FixedString(32)),
    shown_ms          UInt32,
    input             LowCardinality(String) COMMENT 'key or mouse',
    catalogue_version LowCardinality(String),
    reference_version LowCardinality(String),
    family            LowCardinality(String),
    rule              LowCardinality(String),
    regime            LowCardinality(String) COMMENT 'traffic or lez',
    track             LowCardinality(String),
    zone              LowCardinality(String),
    municipality      UInt32,
    camera_id         LowCardinality(String),
    captured_at       DateTime64(6, 'UTC'),
    due_at            DateTime64(6, 'UTC') COMMENT '1970 = none',
    plate_changed     Bool,
    kafka_partition   Int32,
    kafka_offset      Int64,
    inserted_at       DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(recorded_at)
ORDER BY (kind, recorded_at, event_id)
SETTINGS non_replicated_deduplication_window = 10000;
