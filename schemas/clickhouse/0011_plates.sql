-- +goose Up
-- The distinct plates, for patterns: a pattern is resolved here before reads are looked up. One row a plate and police zone, so
-- that a search sees the plates of its own zones only, and one a plate of zone '' for who sees all. A maximum may be taken of
-- a row as often as it comes, so a repeated insert changes nothing, and a plate goes when its last read does. There is no first_seen: a
-- minimum cannot forget, it would keep the date of a read that had to be deleted.
CREATE TABLE IF NOT EXISTS plates
(
    zone      LowCardinality(String) COMMENT 'as in reads; empty = the plate in any zone',
    class     String CODEC(LZ4),
    plate     String CODEC(LZ4),
    last_seen SimpleAggregateFunction(max, DateTime('UTC')) COMMENT 'captured_at of its last read' CODEC(LZ4),
    INDEX pattern plate TYPE text(tokenizer = ngrams(3))
)
ENGINE = AggregatingMergeTree
ORDER BY (zone, class, plate)
TTL last_seen + INTERVAL 12 MONTH DELETE
SETTINGS non_replicated_deduplication_window = 0, index_granularity = 1024;

CREATE MATERIALIZED VIEW IF NOT EXISTS plates_of_reads TO plates
AS SELECT arrayJoin(['', toString(zone)])::LowCardinality(String) AS zone, class, plate, max(toDateTime(captured_at)) AS last_seen
FROM reads GROUP BY zone, class, plate;

-- What was read before there was a view; rows that it has too do no harm.
INSERT INTO plates (zone, class, plate, last_seen)
SELECT arrayJoin(['', toString(zone)]) AS zone, class, plate, max(toDateTime(captured_at))
FROM reads GROUP BY zone, class, plate;
