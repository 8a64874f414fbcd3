package store

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/gvc-brussels/anpr/pipeline/cases"
	"github.com/gvc-brussels/anpr/schemas"
)

// Transmission is a batch that was handed over.
type Transmission struct {
	ID           cases.ID
	Track        cases.Track
	Zone         string // that was asked for; "" = each
	User         string // who had it made
	MadeAt       schemas.Micros
	Cases        int
	Acknowledged int
	Returned     int
	KeyID        string
	SHA256       schemas.Digest
	Size         int64
	HasFile      bool // its time is not over
	DeliveredAt  schemas.Micros
	Tries        int
	Problem      string // of the last try to deliver; "" = none
}

const transmissionColumns = `batch_id, track, zone, user_name, made_at, cases, (SELECT count(*) FROM transmitted_cases c WHERE c.batch_id = t.batch_id AND c.outcome = 'acknowledged'),
	(SELECT count(*) FROM transmitted_cases c WHERE c.batch_id = t.batch_id AND c.outcome = 'returned'), key_id, sha256, size, file IS NOT NULL, delivered_at, tries, problem`

func (t *Transmission) scanRow(row pgx.Row) error {
	var made time.Time
	var delivered *time.Time
	var sum []byte
	err := row.Scan(&t.ID, &t.Track, &t.Zone, &t.User, &made, &t.Cases, &t.Acknowledged, &t.Returned, &t.KeyID, &sum, &t.Size, &t.HasFile, &delivered, &t.Tries, &t.Problem)
	t.MadeAt, t.DeliveredAt, t.SHA256 = schemas.MicrosOf(made), microsOrZero(delivered), schemas.Digest(sum)
	return err
}

// within bounds transmissions t to those of which each case lies in the zones and regimes; empty = all.
func (w *where) within(zones []string, regimes []cases.Regime) {
	if len(zones) > 0 {
		w.add("NOT EXISTS (SELECT FROM transmitted_cases c WHERE c.batch_id = t.batch_id AND c.zone <> ALL (?))", zones)
	}
	if len(regimes) > 0 {
		w.add("NOT EXISTS (SELECT FROM transmitted_cases c WHERE c.batch_id = t.batch_id AND c.regime <> ALL (?))", namesOf(regimes))
	}
}

// Transmissions lists batches, the newest first, at most limit. before bounds their time; 0 = now.
func (s *Store) Transmissions(ctx context.Context, zones []string, regimes []cases.Regime, before schemas.Micros, limit int) ([]Transmission, error) {
	w := &where{}
	w.within(zones, regimes)
	if before != 0 {
		w.add("made_at < ?", before.Time())
	}
	rows, err := s.pool.Query(ctx, "SELECT "+transmissionColumns+" FROM transmissions t"+w.sql()+" ORDER BY made_at DESC, batch_id LIMIT "+strconv.Itoa(limit), w.args...)
	if err != nil {
		return nil, safeError("list transmissions", err)
	}
	out, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (t Transmission, err error) { return t, t.scanRow(row) })
	return out, safeError("list transmissions", err)
}

// FindTransmission returns a batch; an unknown one, or one with a case beyond zones or regimes, is a refusal of
// [cases.CodeNotFound].
func (s *Store) FindTransmission(ctx context.Context, id cases.ID, zones []string, regimes []cases.Regime) (t Transmission, err error) {
	w := &where{}
	w.add("batch_id = ?", uuidOf(id.ID))
	w.within(zones, regimes)
	return s.oneTransmission(ctx, w)
}

// FindRequest returns the batch that a user's request of the key made; ok is false when there is none.
func (s *Store) FindRequest(ctx context.Context, user, key string) (t Transmission, ok bool, err error) {
	w := &where{}
	w.add("user_name = ? AND request_key = ?", user, key)
	t, err = s.oneTransmission(ctx, w)
	if r, is := errors.AsType[*cases.Refusal](err); is && r.Code == cases.CodeNotFound {
		return t, false, nil
	}
	return t, err == nil, err
}

func (s *Store) oneTransmission(ctx context.Context, w *where) (t Transmission, err error) {
	err = t.scanRow(s.pool.QueryRow(ctx, "SELECT "+transmissionColumns+" FROM transmissions t"+w.sql(), w.args...))
	if errors.Is(err, pgx.ErrNoRows) {
		err = &cases.Refusal{Code: cases.CodeNotFound, Detail: "no such transmission"}
	}
	return t, safeError("find a transmission", err)
}

// TransmissionFile returns the file of a batch; nil = its time is over.
func (s *Store) TransmissionFile(ctx context.Context, id cases.ID) (file []byte, err error) {
	err = s.pool.QueryRow(ctx, "SELECT file FROM transmissions WHERE batch_id = $1", uuidOf(id.ID)).Scan(&file)
	return file, safeError("read the file of a transmission", err)
}

// Sent is a case of a batch.
type Sent struct {
	Case       cases.ID
	Number     string
	State      cases.State // of the case now
	Outcome    string      // answer of the recipient; "" = none yet
	Reason     string      // of a return
	AnsweredAt schemas.Micros
	Plate      string // as sealed or as corrected
}

// SentCases lists the cases of a batch, by number.
func (s *Store) SentCases(ctx context.Context, id cases.ID) ([]Sent, error) {
	rows, err := s.pool.Query(ctx, `SELECT b.case_id, b.number, c.state, b.outcome, b.reason, b.answered_at, CASE WHEN c.corrected <> '' THEN c.corrected ELSE c.plate END
		FROM transmitted_cases b JOIN cases c USING (case_id) WHERE batch_id = $1 ORDER BY b.number`, uuidOf(id.ID))
	if err != nil {
		return nil, safeError("list the cases of a transmission", err)
	}
	out, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (x Sent, err error) {
		var at *time.Time
		err = row.Scan(&x.Case, &x.Number, &x.State, &x.Outcome, &x.Reason, &at, &x.Plate)
		x.AnsweredAt = microsOrZero(at)
		return x, err
	})
	return out, safeError("list the cases of a transmission", err)
}

// Obstacle says why a confirmed case stays.
type Obstacle struct {
	Case    cases.ID
	Number  string // "" = it has none
	Track   cases.Track
	Zone    string
	SendBy  schemas.Micros
	Reasons []string // codes
	FoundAt schemas.Micros
}

// Obstacles lists confirmed cases that something keeps from number or transmission, by due time, at most limit.
func (s *Store) Obstacles(ctx context.Context, zones []string, regimes []cases.Regime, limit int) ([]Obstacle, error) {
	w := &where{}
	w.add("state = 'confirmed'")
	w.bound(zones, regimes)
	rows, err := s.pool.Query(ctx, `SELECT case_id, number, coalesce(present ->> 'track', ''), zone, coalesce((present ->> 'send_by')::bigint, 0), o.reasons, o.found_at
		FROM transmission_obstacles o JOIN cases USING (case_id)`+w.sql()+" ORDER BY due_at, case_id LIMIT "+strconv.Itoa(limit), w.args...)
	if err != nil {
		return nil, safeError("list what keeps cases", err)
	}
	out, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (x Obstacle, err error) {
		var at time.Time
		err = row.Scan(&x.Case, &x.Number, &x.Track, &x.Zone, &x.SendBy, &x.Reasons, &at)
		x.FoundAt = schemas.MicrosOf(at)
		return x, err
	})
	return out, safeError("list what keeps cases", err)
}

// Notice is an annulment of which the recipient was told.
type Notice struct {
	Case           cases.ID
	Batch          string
	Number         string
	Track          cases.Track
	Reason         string // code
	AnnulledAt     schemas.Micros
	Copies         int // notices that were written
	NextCopyAt     schemas.Micros
	Problem        string
	AcknowledgedAt schemas.Micros // 0 = not yet
}

const noticeColumns = "case_id, batch_id, number, track, reason, annulled_at, copies, next_copy_at, problem, acknowledged_at"

func (n *Notice) scanRow(row pgx.Row) error {
	var at, next time.Time
	var ack *time.Time
	err := row.Scan(&n.Case, &n.Batch, &n.Number, &n.Track, &n.Reason, &at, &n.Copies, &next, &n.Problem, &ack)
	n.AnnulledAt, n.NextCopyAt, n.AcknowledgedAt = schemas.MicrosOf(at), schemas.MicrosOf(next), microsOrZero(ack)
	return err
}

// OpenNotices lists annulments that the recipient has not acknowledged, the oldest first, at most limit.
func (s *Store) OpenNotices(ctx context.Context, zones []string, regimes []cases.Regime, limit int) ([]Notice, error) {
	w := &where{}
	w.add("acknowledged_at IS NULL")
	w.bound(zones, regimes)
	return s.listNotices(ctx, w, " ORDER BY annulled_at, case_id LIMIT "+strconv.Itoa(limit))
}

func (s *Store) listNotices(ctx context.Context, w *where, order string) ([]Notice, error) {
	rows, err := s.pool.Query(ctx, "SELECT "+noticeColumns+" FROM annulment_notices"+w.sql()+order, w.args...)
	if err != nil {
		return nil, safeError("list notices of annulments", err)
	}
	out, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (n Notice, err error) { return n, n.scanRow(row) })
	return out, safeError("list notices of annulments", err)
}

// FileOfBatch names the file of a batch. The name tells nothing but the batch.
func FileOfBatch(id cases.ID) string { return "batch-" + id.String() + ".zip" }

// Ready counts confirmed cases of a track and a zone.
type Ready struct {
	Track    cases.Track
	Zone     string
	Numbered int64
	Bare     int64 // without a number
}

// CountReady counts the confirmed cases, which all wait for number or transmission.
func (s *Store) CountReady(ctx context.Context, zones []string, regimes []cases.Regime) ([]Ready, error) {
	w := &where{}
	w.add("state = 'confirmed'")
	w.bound(zones, regimes)
	rows, err := s.pool.Query(ctx, "SELECT coalesce(present ->> 'track', ''), zone, count(*) FILTER (WHERE number <> ''), count(*) FILTER (WHERE number = '') FROM cases"+w.sql()+" GROUP BY 1, 2 ORDER BY 1, 2", w.args...)
	if err != nil {
		return nil, safeError("count cases to hand over", err)
	}
	out, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (r Ready, err error) {
		err = row.Scan(&r.Track, &r.Zone, &r.Numbered, &r.Bare)
		return r, err
	})
	return out, safeError("count cases to hand over", err)
}

// SentPictures lists the pictures of the cases of a batch.
func (s *Store) SentPictures(ctx context.Context, id cases.ID) ([]schemas.Sum, error) {
	rows, err := s.pool.Query(ctx, "SELECT DISTINCT p.sha256 FROM transmitted_cases b JOIN case_pictures p USING (case_id) WHERE b.batch_id = $1", uuidOf(id.ID))
	if err != nil {
		return nil, safeError("list the pictures of a transmission", err)
	}
	sums, err := pgx.CollectRows(rows, pgx.RowTo[[]byte])
	out := make([]schemas.Sum, 0, len(sums))
	for _, sum := range sums {
		out = append(out, schemas.Sum(sum))
	}
	return out, safeError("list the pictures of a transmission", err)
}
