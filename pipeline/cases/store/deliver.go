package store

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/gvc-brussels/anpr/pipeline/cases"
	"github.com/gvc-brussels/anpr/schemas"
)

// Delivery is a batch whose file is not in the directory of its recipient yet.
type Delivery struct {
	ID     cases.ID
	Track  cases.Track
	Staged bool // it was made ready in the directory: who no longer finds it there knows that it was published
	Tries  int
}

// LockDelivery makes this office the one that delivers until release; ok is false while another does. The lock ends with the
// session, also of an office that was killed.
func (s *Store) LockDelivery(ctx context.Context) (release func(), ok bool, err error) {
	conn, err := s.pool.Acquire(ctx)
	if err != nil {
		return nil, false, safeError("lock the delivery", err)
	}
	if err = conn.QueryRow(ctx, "SELECT pg_try_advisory_lock(hashtextextended('delivery of transmissions', 0))").Scan(&ok); err != nil || !ok {
		conn.Release()
		return nil, false, safeError("lock the delivery", err)
	}
	return func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
		defer cancel()
		if _, err := conn.Exec(ctx, "SELECT pg_advisory_unlock(hashtextextended('delivery of transmissions', 0))"); err != nil {
			_ = conn.Conn().Close(ctx) // the lock ends with the session
		}
		conn.Release()
	}, true, nil
}

// DueDeliveries lists batches to be put into a directory, the oldest first. A batch that was made ready in another
// directory is not this office's.
func (s *Store) DueDeliveries(ctx context.Context, dir string) ([]Delivery, error) {
	rows, err := s.pool.Query(ctx, `SELECT batch_id, track, staged_at IS NOT NULL, tries FROM transmissions
		WHERE delivered_at IS NULL AND file IS NOT NULL AND next_try_at <= clock_timestamp() + $1::interval AND staged_in IN ('', $2) ORDER BY made_at, batch_id LIMIT 100`, s.shift(), dir)
	if err != nil {
		return nil, safeError("find transmissions to deliver", err)
	}
	out, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (d Delivery, err error) {
		err = row.Scan(&d.ID, &d.Track, &d.Staged, &d.Tries)
		return d, err
	})
	return out, safeError("find transmissions to deliver", err)
}

// NoteStaged notes that the file of a batch lies ready in a directory. From now on its absence means that it was
// published.
func (s *Store) NoteStaged(ctx context.Context, id cases.ID, dir string) error {
	tag, err := s.pool.Exec(ctx, "UPDATE transmissions SET staged_in = $2, staged_at = clock_timestamp() + $3::interval WHERE batch_id = $1 AND staged_at IS NULL", uuidOf(id.ID), dir, s.shift())
	if err == nil && tag.RowsAffected() == 0 {
		err = errors.New("another office made it ready")
	}
	return safeError("note a transmission as ready", err)
}

// NoteDelivered notes that the file of a batch is in the directory of its recipient.
func (s *Store) NoteDelivered(ctx context.Context, id cases.ID) error {
	_, err := s.pool.Exec(ctx, "UPDATE transmissions SET delivered_at = clock_timestamp() + $2::interval, problem = '' WHERE batch_id = $1 AND delivered_at IS NULL", uuidOf(id.ID), s.shift())
	return safeError("note a transmission as delivered", err)
}

// NoteUndelivered notes why a batch was not delivered, and that it is tried again after a time.
func (s *Store) NoteUndelivered(ctx context.Context, id cases.ID, problem string, again time.Duration) error {
	_, err := s.pool.Exec(ctx, "UPDATE transmissions SET problem = $2, tries = tries + 1, next_try_at = clock_timestamp() + $3::interval + $4::interval WHERE batch_id = $1", uuidOf(id.ID), problem, s.shift(), again)
	return safeError("note a failed delivery", err)
}

// DueNotices lists annulments of which the recipient must be told, again or for the first time.
func (s *Store) DueNotices(ctx context.Context) ([]Notice, error) {
	w := &where{}
	w.add("acknowledged_at IS NULL AND next_copy_at <= clock_timestamp() + ?::interval", s.shift())
	return s.listNotices(ctx, w, " ORDER BY next_copy_at, case_id LIMIT 100")
}

// NoteNotice notes that a notice was written; problem "" = it was.
func (s *Store) NoteNotice(ctx context.Context, id cases.ID, problem string, again time.Duration) error {
	_, err := s.pool.Exec(ctx, `UPDATE annulment_notices SET copies = copies + CASE WHEN $2 = '' THEN 1 ELSE 0 END, problem = $2, next_copy_at = clock_timestamp() + $3::interval + $4::interval WHERE case_id = $1`,
		uuidOf(id.ID), problem, s.shift(), again)
	return safeError("note a notice of an annulment", err)
}

// HandOver counts what waits on the way to recipients.
type HandOver struct {
	Undelivered int64          // batches that are in no directory
	Oldest      schemas.Micros // age of the oldest of them
	Notices     int64          // annulments without an answer
	Obstacles   int64          // confirmed cases that something keeps
	Unnumbered  int64          // confirmed cases without a number
	Unsent      int64          // confirmed cases with a number that nothing keeps
	UnsentFor   schemas.Micros // how long the one of them waits that waits longest
}

// UnsentTime is how long a case that nothing keeps may wait for a batch: the day between two daily batches, and two hours.
// Alert AnprDailyBatchMissing has the same time.
const UnsentTime = 26 * schemas.Hour

// readySince says since when a case with a number could go: since its number, or since somebody mended or settled what
// kept it. A remark changes nothing.
const readySince = `coalesce((SELECT max(e.recorded_at) FROM case_events e WHERE e.case_id = cases.case_id AND e.kind IN ('numbered', 'mended', 'track_changed', 'incident_closed')), effective_at)`

// isUnsent is true of a case that a batch would take, as far as the office knows.
const isUnsent = `state = 'confirmed' AND number <> '' AND incidents = 0 AND NOT EXISTS (SELECT FROM transmission_obstacles o WHERE o.case_id = cases.case_id)`

// unsentCases counts cases that wait for a batch alone. It reads confirmed cases alone.
const unsentCases = `SELECT count(*), coalesce((extract(epoch FROM clock_timestamp() + $1::interval - min(` + readySince + `)) * 1000000)::bigint, 0) FROM cases WHERE ` + isUnsent

// CountHandOver counts what waits on the way to recipients.
func (s *Store) CountHandOver(ctx context.Context) (n HandOver, err error) {
	err = s.pool.QueryRow(ctx, `SELECT (SELECT count(*) FROM transmissions WHERE delivered_at IS NULL),
		coalesce((SELECT (extract(epoch FROM clock_timestamp() + $1::interval - min(made_at)) * 1000000)::bigint FROM transmissions WHERE delivered_at IS NULL), 0),
		(SELECT count(*) FROM annulment_notices WHERE acknowledged_at IS NULL), (SELECT count(*) FROM transmission_obstacles JOIN cases USING (case_id) WHERE state = 'confirmed'),
		(SELECT count(*) FROM cases WHERE state = 'confirmed' AND number = '')`, s.shift()).Scan(&n.Undelivered, &n.Oldest, &n.Notices, &n.Obstacles, &n.Unnumbered)
	if err == nil {
		err = s.pool.QueryRow(ctx, unsentCases, s.shift()).Scan(&n.Unsent, &n.UnsentFor)
	}
	return n, safeError("count what waits for recipients", err)
}
