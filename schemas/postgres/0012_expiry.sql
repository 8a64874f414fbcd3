-- +goose Up
-- How long the state of those who ask is kept. The look-up log keeps who asked what, why and with which number; these rows serve the running office
-- only, and some hold a plate or a reason in clear. The periods stand here, so that an office can delete nothing that is younger.
-- +goose StatementBegin
CREATE FUNCTION delete_expired() RETURNS TABLE (what text, deleted bigint) LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    n bigint;
    job record;
BEGIN
    IF NOT pg_try_advisory_xact_lock(hashtext('delete_expired')) THEN
        RETURN; -- another office is at it
    END IF;
    FOR job IN SELECT * FROM (VALUES
        -- A search is used under its purpose, which is over within 8 hours.
        (1, 'searches', 'made_at < clock_timestamp() - interval ''2 days'''),
        -- An approval counts for 8 hours; the second person and the auditor look back a month.
        (2, 'approvals', 'asked_at < clock_timestamp() - interval ''31 days'''),
        -- Plates count for an hour.
        (3, 'plates_asked', 'asked_at < clock_timestamp() - interval ''2 hours'''),
        (4, 'rows_disclosed', 'day < (clock_timestamp() AT TIME ZONE ''Europe/Brussels'')::date - 31'),
        -- The prosecutor's office confirms the numbers of up to a year (366 days).
        (5, 'purposes', 'opened_at < clock_timestamp() - interval ''400 days''
            AND NOT EXISTS (SELECT FROM searches s WHERE s.purpose_id = purposes.purpose_id) AND NOT EXISTS (SELECT FROM approvals a WHERE a.purpose_id = purposes.purpose_id)'),
        -- A number that was refused stays refused.
        (6, 'prosecutor_decisions', 'outcome <> ''refused'' AND last_stated < clock_timestamp() - interval ''400 days'''),
        -- A sign-in is over within 8 hours, an invitation within a day.
        (7, 'sign_ins', 'began_at < clock_timestamp() - interval ''31 days'''),
        (8, 'sign_in_invites', 'until < clock_timestamp() - interval ''31 days''')
    ) AS j (rank, tbl, cond) ORDER BY rank LOOP
        EXECUTE format('DELETE FROM %I WHERE %s', job.tbl, job.cond);
        GET DIAGNOSTICS n = ROW_COUNT;
        what := job.tbl;
        deleted := n;
        RETURN NEXT;
    END LOOP;
END $$;
-- +goose StatementEnd
REVOKE ALL ON FUNCTION delete_expired() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION delete_expired() TO anpr_office, anpr_retention;

-- +goose Down
DROP FUNCTION delete_expired;
