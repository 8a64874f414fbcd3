-- +goose Up
-- Every look-up, written before its answer. Append-only and hash-chained: entry_sha256 = SHA-256(prev_sha256, the entry in
-- the form pipeline/office documents), so an edit, a deletion or a reordering is found by `anpr query access-log --verify`.
CREATE TABLE IF NOT EXISTS access_log
(
    seq             UInt64,
    at              DateTime64(6, 'UTC'),
    user            String,
    role            LowCardinality(String),
    zone            LowCardinality(String),
    action          LowCardinality(String),
    purpose         LowCardinality(String),
    reason          String,
    case_ref        String,
    prosecutor_ref  String,
    query           String COMMENT 'what was asked, as JSON',
    outcome         LowCardinality(String) COMMENT 'granted or refused',
    refusal         String,
    prev_sha256     FixedString(32),
    entry_sha256    FixedString(32),
    inserted_at     DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = MergeTree
ORDER BY seq
SETTINGS non_replicated_deduplication_window = 10000;
