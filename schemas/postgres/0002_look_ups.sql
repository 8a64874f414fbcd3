-- +goose Up
-- The look-up log: who asked what, who saw whom, who signed in. Append-only and chained; package access documents the hash of an entry.
-- Every entry continues the entry before it, in one sequence over all offices. look_up_head is the lock under which entries are appended.
CREATE TABLE look_ups
(
    seq             bigint      PRIMARY KEY CHECK (seq BETWEEN 1 AND 9007199254740991),
    at              timestamptz NOT NULL,
    kind            text        NOT NULL CHECK (kind IN ('asked', 'disclosed', 'identity', 'break', 'import')),
    user_name       text        NOT NULL DEFAULT '',
    role            text        NOT NULL DEFAULT '',
    zones           text        NOT NULL DEFAULT '', -- the user's police zones, joined by commas; empty = all
    sign_in         text        NOT NULL DEFAULT '',
    address         text        NOT NULL DEFAULT '',
    operation       text        NOT NULL DEFAULT '',
    purpose         text        NOT NULL DEFAULT '',
    purpose_id      text        NOT NULL DEFAULT '',
    reason          text        NOT NULL DEFAULT '',
    case_ref        text        NOT NULL DEFAULT '',
    prosecutor_ref  text        NOT NULL DEFAULT '',
    asked           text        NOT NULL DEFAULT '', -- JSON; plates stand as keyed HMAC
    outcome         text        NOT NULL DEFAULT '',
    code            text        NOT NULL DEFAULT '', -- of a refusal
    refusal         text        NOT NULL DEFAULT '',
    of_seq          bigint      NOT NULL DEFAULT 0,  -- of a disclosure: the entry that asked
    rows_shown      bigint      NOT NULL DEFAULT 0,
    plates          bigint      NOT NULL DEFAULT 0,  -- distinct; their HMACs are in asked_plates or disclosed
    key_id          text        NOT NULL DEFAULT '',
    plates_sha256   bytea       NOT NULL DEFAULT '', -- of the sorted HMACs
    pictures        bytea       NOT NULL DEFAULT '', -- SHA-256 of each, one after the other
    took_ms         bigint      NOT NULL DEFAULT 0,
    cut             boolean     NOT NULL DEFAULT false,
    body            text        NOT NULL DEFAULT '', -- JSON: what this kind of entry says beside the columns
    prev_sha256     bytea       NOT NULL CHECK (length(prev_sha256) = 32),
    entry_sha256    bytea       NOT NULL CHECK (length(entry_sha256) = 32),
    signature       bytea       NOT NULL DEFAULT ''  -- of the newest entry of each append, by the site's key
);
CREATE INDEX look_ups_user ON look_ups (user_name, seq);
CREATE INDEX look_ups_at ON look_ups (at);
CREATE INDEX look_ups_of ON look_ups (of_seq) WHERE of_seq > 0;

-- Plates an entry asked for, and plates an answer showed: HMACs under a key that is not in this database.
CREATE TABLE asked_plates
(
    seq         bigint NOT NULL,
    key_id      text   NOT NULL,
    plate_hmac  bytea  NOT NULL CHECK (length(plate_hmac) = 32),
    PRIMARY KEY (seq, plate_hmac)
);
CREATE INDEX asked_plates_hmac ON asked_plates (plate_hmac, seq);
CREATE TABLE disclosed
(
    seq         bigint NOT NULL,
    key_id      text   NOT NULL,
    plate_hmac  bytea  NOT NULL CHECK (length(plate_hmac) = 32),
    PRIMARY KEY (seq, plate_hmac)
);
CREATE INDEX disclosed_hmac ON disclosed (plate_hmac, seq);

-- Plates in clear of what was asked. Retention deletes them; the chain does not cover them and goes on holding.
CREATE TABLE look_up_plates
(
    seq         bigint NOT NULL,
    plate_hmac  bytea  NOT NULL,
    plate       text   NOT NULL,
    at          timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (seq, plate_hmac)
);
CREATE INDEX look_up_plates_at ON look_up_plates (at);

-- One row: the newest entry. Whoever appends locks it.
CREATE TABLE look_up_head
(
    only_row     boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    seq          bigint  NOT NULL,
    entry_sha256 bytea   NOT NULL CHECK (length(entry_sha256) = 32)
);
INSERT INTO look_up_head (seq, entry_sha256) VALUES (0, decode(repeat('00', 32), 'hex'));

-- Which keys of plates the offices of this database use: an office without the key of a year says so in place of making a second one.
CREATE TABLE look_up_keys
(
    key_id  text PRIMARY KEY,
    year    integer NOT NULL UNIQUE,
    at      timestamptz NOT NULL DEFAULT now()
);

CREATE TRIGGER look_ups_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON look_ups FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER asked_plates_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON asked_plates FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER disclosed_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON disclosed FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER look_up_head_no_removal BEFORE DELETE OR TRUNCATE ON look_up_head FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- New rows continue the chain, or are refused. It moves the head, so that no account needs the right to.
-- +goose StatementBegin
CREATE FUNCTION look_ups_continue() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
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
CREATE TRIGGER look_ups_continue AFTER INSERT ON look_ups REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION look_ups_continue();

-- Plates belong to an entry of the same transaction: none is noted beforehand, and none is added to an old entry.
-- +goose StatementBegin
CREATE FUNCTION look_up_plates_belong() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    bad bigint;
BEGIN
    SELECT a.seq INTO bad FROM (SELECT DISTINCT seq FROM added) a
    WHERE NOT EXISTS (SELECT FROM look_ups l WHERE l.seq = a.seq AND l.xmin = pg_current_xact_id()::xid) LIMIT 1;
    IF bad IS NOT NULL THEN
        RAISE EXCEPTION 'entry % of the look-up log is not being written: no plate is noted for it', bad USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE TRIGGER asked_plates_belong AFTER INSERT ON asked_plates REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION look_up_plates_belong();
CREATE TRIGGER disclosed_belong AFTER INSERT ON disclosed REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION look_up_plates_belong();
CREATE TRIGGER look_up_plates_belong AFTER INSERT ON look_up_plates REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION look_up_plates_belong();

-- look_up_lock locks the head until the transaction ends, and says what an append continues: the head, the newest row as it is, and the clock.
-- +goose StatementBegin
CREATE FUNCTION look_up_lock(OUT head_seq bigint, OUT head_sum bytea, OUT newest_seq bigint, OUT newest_sum bytea, OUT newest_signature bytea, OUT clock timestamptz)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    SELECT seq, entry_sha256 INTO head_seq, head_sum FROM look_up_head FOR UPDATE;
    SELECT seq, entry_sha256, signature INTO newest_seq, newest_sum, newest_signature FROM look_ups ORDER BY seq DESC LIMIT 1;
    clock := clock_timestamp();
END $$;
-- +goose StatementEnd
REVOKE ALL ON FUNCTION look_up_lock() FROM PUBLIC;

GRANT SELECT, INSERT ON look_ups, asked_plates, disclosed, look_up_plates, look_up_keys TO anpr_office;
GRANT SELECT ON look_up_head TO anpr_office;
GRANT EXECUTE ON FUNCTION look_up_lock() TO anpr_office;
GRANT SELECT, DELETE ON look_up_plates TO anpr_retention;

-- +goose Down
DROP TABLE look_ups, asked_plates, disclosed, look_up_plates, look_up_head, look_up_keys;
DROP FUNCTION look_up_lock, look_ups_continue, look_up_plates_belong;
