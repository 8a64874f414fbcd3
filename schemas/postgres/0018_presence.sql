-- +goose Up
-- The office that holds a slot, by the number whose advisory lock its session holds. The lock ends with the session, however that ends: a slot of an
-- office whose lock is gone is free. 0 = an office without a session; its slot lapses by time alone.
ALTER TABLE query_slots ADD COLUMN office int NOT NULL DEFAULT 0 CHECK (office >= 0);

-- +goose StatementBegin
CREATE FUNCTION office_is_present(office int) RETURNS boolean LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
RETURN EXISTS (SELECT FROM pg_locks l WHERE l.locktype = 'advisory' AND l.classid = 1634627698 AND l.objid = office::oid AND l.objsubid = 2 AND l.granted
    AND l.database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database()));
-- +goose StatementEnd

-- delete_clear_plates deletes the plates in clear that look-ups asked for 366 days before an instant; the chain, which has them as HMAC, goes on holding.
-- An office calls delete_expired_plates, which knows no other instant than now: it deletes nothing that is younger.
-- +goose StatementBegin
CREATE FUNCTION delete_clear_plates(instant timestamptz) RETURNS bigint LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    till timestamptz := instant - interval '366 days';
    n bigint;
    more bigint;
BEGIN
    DELETE FROM look_up_plates WHERE at < till;
    GET DIAGNOSTICS n = ROW_COUNT;
    -- Entries that were taken over from an older log are older than their rows.
    DELETE FROM look_up_plates p USING look_ups l WHERE l.seq = p.seq AND l.at < till AND l.seq >= (SELECT min(seq) FROM look_up_plates);
    GET DIAGNOSTICS more = ROW_COUNT;
    RETURN n + more;
END $$;
CREATE FUNCTION delete_expired_plates() RETURNS bigint LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
RETURN delete_clear_plates(clock_timestamp());
-- +goose StatementEnd
REVOKE ALL ON FUNCTION delete_clear_plates(timestamptz), delete_expired_plates() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION delete_expired_plates() TO anpr_office, anpr_retention;
GRANT EXECUTE ON FUNCTION office_is_present(int) TO anpr_office;

-- +goose Down
DROP FUNCTION delete_expired_plates, delete_clear_plates, office_is_present;
ALTER TABLE query_slots DROP COLUMN office;
