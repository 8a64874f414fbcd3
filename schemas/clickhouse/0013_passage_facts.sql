-- +goose Up
-- What the reads of a passage say together: a camera may tell one vehicle in several messages, of which the best read is one.
ALTER TABLE passages
    ADD COLUMN IF NOT EXISTS kind LowCardinality(String) COMMENT 'of the best read, or of the most confident read that says it; so are the next three' AFTER speed_dkmh,
    ADD COLUMN IF NOT EXISTS make LowCardinality(String) AFTER kind,
    ADD COLUMN IF NOT EXISTS colour LowCardinality(String) AFTER make,
    ADD COLUMN IF NOT EXISTS image_sha256 String COMMENT '32 raw bytes or empty' AFTER colour;
