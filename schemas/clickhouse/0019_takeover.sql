-- +goose Up
-- Whoever takes a partition over asks for each camera's last seal, and for what records of an offset on made. These projections answer
-- without a walk through all that was ever stored. A projection is a part of the part it is made of, so it never says anything else than
-- the rows do: after a crash, a merge, a deletion or a restore. Parts from before have none until the mutations below have run; they
-- are read row by row meanwhile, with the same result. A lightweight DELETE FROM is refused from now on (its mask does not reach a projection);
-- ALTER TABLE ... DELETE is the way.
ALTER TABLE offences MODIFY SETTING deduplicate_merge_projection_mode = 'rebuild';

-- The last seal of each camera in each month. The month is that of the table's partitions, so it adds no row; with it a batch that was
-- under way hides no seal of another month.
ALTER TABLE offences ADD PROJECTION IF NOT EXISTS last_seals
(
    SELECT kafka_partition, camera_id, toYYYYMM(captured_at), argMax(seal_sha256, (kafka_offset, seq)), max((kafka_offset, seq)), min(kafka_offset)
    GROUP BY kafka_partition, camera_id, toYYYYMM(captured_at)
);

ALTER TABLE offences ADD PROJECTION IF NOT EXISTS by_offset
(
    SELECT kafka_partition, kafka_offset, seq, camera_id, seal_sha256, captured_at
    ORDER BY kafka_partition, kafka_offset
);

ALTER TABLE hits MODIFY SETTING deduplicate_merge_projection_mode = 'rebuild';

ALTER TABLE hits ADD PROJECTION IF NOT EXISTS by_offset
(
    SELECT kafka_partition, kafka_offset, passage_id, list, entry_id, match
    ORDER BY kafka_partition, kafka_offset
);

ALTER TABLE offences MATERIALIZE PROJECTION last_seals;
ALTER TABLE offences MATERIALIZE PROJECTION by_offset;
ALTER TABLE hits MATERIALIZE PROJECTION by_offset;
