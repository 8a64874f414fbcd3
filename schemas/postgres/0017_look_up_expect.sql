-- +goose Up
-- look_up_expect locks the head until the transaction ends, when the log still ends as the caller expects, and gives the clock. Else it fails with LU001,
-- and nothing that the transaction adds remains. So an office can send a whole append at once: it seals entries on the end that it left itself, and
-- the head is locked for no round trip. now_there is the time of those entries by the office, which may be a second from the clock.
-- +goose StatementBegin
CREATE FUNCTION look_up_expect(head bigint, head_sum bytea, signature bytea, now_there timestamptz) RETURNS timestamptz
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    l record;
BEGIN
    SELECT * INTO l FROM look_up_lock();
    IF (l.head_seq, l.head_sum, l.newest_seq, l.newest_sum, l.newest_signature) IS DISTINCT FROM (head, $2, head, $2, $3)
        OR now_there NOT BETWEEN l.clock - interval '1 second' AND l.clock + interval '1 second' THEN
        RAISE EXCEPTION 'the look-up log does not end with entry % now', head USING ERRCODE = 'LU001';
    END IF;
    RETURN l.clock;
END $$;
-- +goose StatementEnd
REVOKE ALL ON FUNCTION look_up_expect(bigint, bytea, bytea, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION look_up_expect(bigint, bytea, bytea, timestamptz) TO anpr_office;

-- look_up_flush returns when everything that was committed before is durable, as far as a commit is here: on the disk, and on standbys that commits
-- wait for. Its own commit waits for that, and the log of the server is one sequence.
-- +goose StatementBegin
CREATE FUNCTION look_up_flush() RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT pg_is_in_recovery() THEN -- a standby has no commits of its own
        PERFORM pg_logical_emit_message(true, 'anpr', '');
    END IF;
END $$;
-- +goose StatementEnd
REVOKE ALL ON FUNCTION look_up_flush() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION look_up_flush() TO anpr_office;

-- +goose Down
DROP FUNCTION look_up_flush, look_up_expect;
