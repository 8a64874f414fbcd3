-- +goose Up
-- The bounds of an entry of the look-up log. NOT VALID: rows that are there already stay as they are, and a verification names them.
-- The years are those that the log that was kept before can hold.
ALTER TABLE look_ups ADD CONSTRAINT look_ups_bounds CHECK (
    at >= '1900-01-01 00:00:00+00' AND at < '2300-01-01 00:00:00+00'
    AND of_seq BETWEEN 0 AND 9007199254740991 AND rows_shown >= 0 AND plates >= 0 AND took_ms >= 0
) NOT VALID;
ALTER TABLE look_up_plates ADD CONSTRAINT look_up_plates_bounds CHECK (length(plate_hmac) = 32) NOT VALID;

-- As before, and: an entry that closes a segment comes alone and leaves a bounded count of numbers out. Without the bound, one row would take all
-- numbers that are left, and no entry could follow it.
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION look_ups_continue() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    head look_up_head%ROWTYPE;
    bad  bigint;
    last record;
    closing bigint;
    newest  bigint;
BEGIN
    SELECT * INTO head FROM look_up_head FOR UPDATE;
    SELECT c.seq INTO bad FROM (
        SELECT seq, kind, prev_sha256, lag(seq) OVER w AS seq_before, lag(entry_sha256) OVER w AS sum_before FROM added WINDOW w AS (ORDER BY seq)
    ) c WHERE CASE WHEN c.kind = 'break' THEN c.seq <= coalesce(c.seq_before, head.seq)
        ELSE c.seq <> coalesce(c.seq_before, head.seq) + 1 OR c.prev_sha256 <> coalesce(c.sum_before, head.entry_sha256) END
    ORDER BY c.seq LIMIT 1;
    IF bad IS NOT NULL THEN
        RAISE EXCEPTION 'entry % does not continue entry % of the look-up log', bad, head.seq USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    SELECT seq INTO closing FROM added WHERE kind = 'break' LIMIT 1;
    IF FOUND THEN
        IF (SELECT count(*) FROM added) > 1 THEN
            RAISE EXCEPTION 'entry % closes a segment of the look-up log and does not come alone', closing USING ERRCODE = 'integrity_constraint_violation';
        END IF;
        SELECT max(seq) INTO newest FROM look_ups WHERE seq < closing;
        IF closing > greatest(head.seq, newest) + 100000000 THEN
            RAISE EXCEPTION 'entry % leaves more than 100000000 numbers out after entry %', closing, greatest(head.seq, newest) USING ERRCODE = 'integrity_constraint_violation';
        END IF;
    END IF;
    SELECT seq, entry_sha256 INTO last FROM added ORDER BY seq DESC LIMIT 1;
    IF FOUND THEN
        UPDATE look_up_head SET seq = last.seq, entry_sha256 = last.entry_sha256;
    END IF;
    RETURN NULL;
END $$;
-- +goose StatementEnd

-- +goose Down
ALTER TABLE look_ups DROP CONSTRAINT look_ups_bounds;
ALTER TABLE look_up_plates DROP CONSTRAINT look_up_plates_bounds;
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION look_ups_continue() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    head look_up_head%ROWTYPE;
    bad  bigint;
    last record;
BEGIN
    SELECT * INTO head FROM look_up_head FOR UPDATE;
    SELECT c.seq INTO bad FROM (
        SELECT seq, kind, prev_sha256, lag(seq) OVER w AS seq_before, lag(entry_sha256) OVER w AS sum_before FROM added WINDOW w AS (ORDER BY seq)
    ) c WHERE CASE WHEN c.kind = 'break' THEN c.seq <= coalesce(c.seq_before, head.seq)
        ELSE c.seq <> coalesce(c.seq_before, head.seq) + 1 OR c.prev_sha256 <> coalesce(c.sum_before, head.entry_sha256) END
    ORDER BY c.seq LIMIT 1;
    IF bad IS NOT NULL THEN
        RAISE EXCEPTION 'entry % does not continue entry % of the look-up log', bad, head.seq USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    SELECT seq, entry_sha256 INTO last FROM added ORDER BY seq DESC LIMIT 1;
    IF FOUND THEN
        UPDATE look_up_head SET seq = last.seq, entry_sha256 = last.entry_sha256;
    END IF;
    RETURN NULL;
END $$;
-- +goose StatementEnd
