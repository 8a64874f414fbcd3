package store

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/gvc-brussels/anpr/pipeline/cases"
	"github.com/gvc-brussels/anpr/schemas"
)

// Findings of who releases a tripwire.
const (
	WireMended = "mended" // something was wrong and is mended: what came meanwhile is no history
	WireReal   = "real"   // the offences are real: the history begins anew
)

// Wire is a tripwire that was tripped or opened by hand.
type Wire struct {
	ID         cases.ID
	Camera     string
	Family     schemas.Family
	Zone       string
	Regime     cases.Regime
	OpenedAt   schemas.Micros
	OpenedBy   string // "" = the detector
	OpenedText string
	OpenedSeq  uint64         // entry of the look-up log; 0 = the detector's
	DoubtFrom  schemas.Micros // first capture of the window that tripped it
	DoubtTo    schemas.Micros // last
	Evidence   []schemas.Step

	ReleasedAt  schemas.Micros // 0 = open
	ReleasedBy  string
	Finding     string
	ReleaseText string
	ReleaseSeq  uint64
	Held        int64 // cases that wait for its release; 0 of a released wire
	Unsent      int64 // confirmed cases that it keeps from their batch
}

// wireKey is what a wire stops.
type wireKey struct {
	camera string
	family schemas.Family
}

// wiresLock is the lock between hand-over and wires: a batch shares it, who opens a wire has it alone.
const wiresLock = "hashtextextended('tripwires', 0)"

// lockWiresShared lets no wire open until the end of the transaction.
func lockWiresShared(ctx context.Context, tx pgx.Tx) error {
	_, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock_shared("+wiresLock+")")
	return err
}

// readWired returns what open wires stop.
func readWired(ctx context.Context, tx pgx.Tx) (map[wireKey]bool, error) {
	rows, err := tx.Query(ctx, "SELECT camera, family FROM tripwires WHERE released_at IS NULL")
	if err != nil {
		return nil, err
	}
	out := map[wireKey]bool{}
	var k wireKey
	_, err = pgx.ForEachRow(rows, []any{&k.camera, &k.family}, func() error {
		out[k] = true
		return nil
	})
	return out, err
}

// isWired reports whether a wire of the camera and the family is open.
func isWired(ctx context.Context, q querier, camera string, family schemas.Family) (wired bool, err error) {
	err = q.QueryRow(ctx, "SELECT EXISTS (SELECT FROM tripwires WHERE camera = $1 AND family = $2 AND released_at IS NULL)", camera, string(family)).Scan(&wired)
	return wired, err
}

// IsWired reports whether a wire of the camera and the family is open.
func (s *Store) IsWired(ctx context.Context, camera string, family schemas.Family) (bool, error) {
	wired, err := isWired(ctx, s.pool, camera, family)
	return wired, safeError("look for a tripwire", err)
}

// OpenWire opens a wire, and returns it with its id and time. When one of the camera and the family is open, that one is
// returned and opened is false: several offices make one wire. A batch that is being handed over ends first; after the
// return none has a case of the camera and the family.
func (s *Store) OpenWire(ctx context.Context, w Wire) (out Wire, opened bool, err error) {
	if w.Camera == "" || w.Family == "" {
		return Wire{}, false, &cases.Refusal{Code: cases.CodeInvalid, Field: "camera", Detail: "a wire names a camera and a family"}
	}
	if w.Evidence == nil {
		w.Evidence = []schemas.Step{}
	}
	evidence, err := json.Marshal(w.Evidence)
	if err != nil {
		return Wire{}, false, err
	}
	err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock("+wiresLock+")"); err != nil {
			return err
		}
		tag, err := tx.Exec(ctx, `INSERT INTO tripwires (wire_id, camera, family, zone, regime, opened_at, opened_by, opened_text, opened_seq, doubt_from, doubt_to, evidence)
			VALUES ($1, $2, $3, $4, $5, clock_timestamp() + $6::interval, $7, $8, $9, $10, $11, $12) ON CONFLICT (camera, family) WHERE released_at IS NULL DO NOTHING`,
			uuidOf(newRandomID().ID), w.Camera, string(w.Family), w.Zone, string(w.Regime), s.shift(), w.OpenedBy, w.OpenedText, int64(w.OpenedSeq), w.DoubtFrom.Time(), w.DoubtTo.Time(), evidence)
		if err != nil {
			return err
		}
		opened = tag.RowsAffected() == 1
		list, err := scanWires(tx.Query(ctx, "SELECT "+wireColumns+" FROM tripwires WHERE camera = $1 AND family = $2 AND released_at IS NULL", w.Camera, string(w.Family)))
		if err == nil && len(list) == 1 {
			out = list[0]
		}
		return err
	})
	return out, opened, safeError("open a tripwire", err)
}

// ReleaseWire releases an open wire: its cases are decided again, and come back to people by the answer of the rules. An
// unknown wire, and one beyond the actor's zones and regimes, is [cases.CodeNotFound], a released one [cases.CodeDecided].
func (s *Store) ReleaseWire(ctx context.Context, id cases.ID, by *cases.Actor, finding, text string) (Wire, error) {
	switch {
	case by.User == "" || by.Role != cases.Supervisor:
		return Wire{}, &cases.Refusal{Code: cases.CodeRole, Detail: "a supervisor releases a tripwire"}
	case finding != WireMended && finding != WireReal:
		return Wire{}, &cases.Refusal{Code: cases.CodeInvalid, Field: "finding", Detail: "must be mended or real"}
	case len([]rune(text)) < 10:
		return Wire{}, &cases.Refusal{Code: cases.CodeInvalid, Field: "text", Detail: "say in at least 10 characters what was found"}
	}
	w := &where{}
	w.add("wire_id = ?", uuidOf(id.ID))
	w.bound(by.Zones, by.Regimes)
	list, err := scanWires(s.pool.Query(ctx, "SELECT "+wireColumns+" FROM tripwires"+w.sql(), w.args...))
	if err != nil {
		return Wire{}, safeError("release a tripwire", err)
	}
	if len(list) == 0 {
		return Wire{}, &cases.Refusal{Code: cases.CodeNotFound, Detail: "no such tripwire"}
	}
	list, err = scanWires(s.pool.Query(ctx, `UPDATE tripwires SET released_at = clock_timestamp() + $2::interval, released_by = $3, finding = $4, release_text = $5, release_seq = $6
		WHERE wire_id = $1 AND released_at IS NULL RETURNING `+wireColumns, uuidOf(id.ID), s.shift(), by.User, finding, text, int64(by.LogSeq)))
	switch {
	case err != nil:
		return Wire{}, safeError("release a tripwire", err)
	case len(list) == 0:
		return Wire{}, &cases.Refusal{Code: cases.CodeDecided, Detail: "the tripwire is released already"}
	}
	return list[0], nil
}

const wireColumns = `wire_id, camera, family, zone, regime, opened_at, opened_by, opened_text, opened_seq, doubt_from, doubt_to, evidence, released_at,
	coalesce(released_by, ''), coalesce(finding, ''), coalesce(release_text, ''), coalesce(release_seq, 0)`

// scanWires reads wireColumns.
func scanWires(rows pgx.Rows, err error) ([]Wire, error) {
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (w Wire, err error) {
		var opened, from, to time.Time
		var released *time.Time
		var seq, releaseSeq int64
		var evidence []byte
		if err = row.Scan(&w.ID, &w.Camera, &w.Family, &w.Zone, &w.Regime, &opened, &w.OpenedBy, &w.OpenedText, &seq, &from, &to, &evidence, &released,
			&w.ReleasedBy, &w.Finding, &w.ReleaseText, &releaseSeq); err != nil {
			return w, err
		}
		w.OpenedAt, w.DoubtFrom, w.DoubtTo, w.ReleasedAt = schemas.MicrosOf(opened), schemas.MicrosOf(from), schemas.MicrosOf(to), microsOrZero(released)
		w.OpenedSeq, w.ReleaseSeq = uint64(seq), uint64(releaseSeq) //nolint:gosec // numbers of entries
		return w, json.Unmarshal(evidence, &w.Evidence)
	})
}

// Wires lists wires within zones and regimes (empty = all), open ones first, then the newest, at most limit. Open wires say
// how many cases wait for them.
func (s *Store) Wires(ctx context.Context, zones []string, regimes []cases.Regime, limit int) ([]Wire, error) {
	w := &where{}
	w.bound(zones, regimes)
	list, err := scanWires(s.pool.Query(ctx, "SELECT "+wireColumns+" FROM tripwires"+w.sql()+" ORDER BY released_at IS NOT NULL, opened_at DESC, wire_id LIMIT "+strconv.Itoa(limit), w.args...))
	if err != nil {
		return nil, safeError("list tripwires", err)
	}
	for i := range list {
		if list[i].ReleasedAt != 0 {
			break
		}
		err := s.pool.QueryRow(ctx, `SELECT count(*) FILTER (WHERE state = 'held'), count(*) FILTER (WHERE state = 'confirmed') FROM cases
			WHERE camera = $1 AND family = $2 AND (state = 'held' AND hold_reason = $3 OR state = 'confirmed')`, list[i].Camera, string(list[i].Family), cases.HeldByWire).Scan(&list[i].Held, &list[i].Unsent)
		if err != nil {
			return nil, safeError("count the cases of a tripwire", err)
		}
	}
	return list, nil
}

// WiresOf lists the wires of a camera and a family, the newest first: the history of their offences depends on them.
func (s *Store) WiresOf(ctx context.Context, camera string, family schemas.Family) ([]Wire, error) {
	list, err := scanWires(s.pool.Query(ctx, "SELECT "+wireColumns+" FROM tripwires WHERE camera = $1 AND family = $2 ORDER BY opened_at DESC", camera, string(family)))
	return list, safeError("list tripwires", err)
}

// CountOpenWires returns the number of open wires.
func (s *Store) CountOpenWires(ctx context.Context) (n int64, err error) {
	err = s.pool.QueryRow(ctx, "SELECT count(*) FROM tripwires WHERE released_at IS NULL").Scan(&n)
	return n, safeError("count tripwires", err)
}

// Followed counts what [Store.FollowWires] did.
type Followed struct {
	Held  int   // open cases that are held now
	Freed int64 // held cases of released wires that the rules decide again now
}

// followRows is the number of cases that a step holds.
const followRows = 200

// FollowWires does a step of what open and released wires demand: open cases under an open wire are held, and held cases
// without one are due to be decided again. Any office may call it at any time; more waits while Held is not 0.
func (s *Store) FollowWires(ctx context.Context) (f Followed, err error) {
	tag, err := s.pool.Exec(ctx, `UPDATE cases c SET look_at = clock_timestamp() + $1::interval, look_after = NULL WHERE state = 'held' AND hold_reason = $2 AND look_at IS NULL
		AND NOT EXISTS (SELECT FROM tripwires w WHERE w.camera = c.camera AND w.family = c.family AND w.released_at IS NULL)`, s.shift(), cases.HeldByWire)
	if err != nil {
		return f, safeError("free the cases of released tripwires", err)
	}
	f.Freed = tag.RowsAffected()
	type found struct {
		id    cases.ID
		trace []schemas.Step
	}
	rows, err := s.pool.Query(ctx, "SELECT c.case_id, w.evidence FROM tripwires w JOIN cases c ON c.camera = w.camera AND c.family = w.family AND c.state = 'open' WHERE w.released_at IS NULL LIMIT "+strconv.Itoa(followRows))
	if err != nil {
		return f, safeError("find cases under tripwires", err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (x found, err error) {
		var evidence []byte
		if err = row.Scan(&x.id, &evidence); err == nil {
			err = json.Unmarshal(evidence, &x.trace)
		}
		return x, err
	})
	if err != nil {
		return f, safeError("find cases under tripwires", err)
	}
	var failed []error
	for _, x := range list {
		_, err := s.Do(ctx, &Request{Case: x.id, Command: cases.HoldForWire{Trace: x.trace}, By: cases.SystemActor()})
		_, refused := errors.AsType[*cases.Refusal](err)
		switch {
		case err == nil:
			f.Held++
		case refused: // somebody was first
		case isRowError(err):
			failed = append(failed, err)
		default:
			return f, errors.Join(append(failed, err)...)
		}
	}
	return f, errors.Join(failed...)
}

// Arrival is a camera and family of which offences were taken in lately.
type Arrival struct {
	Camera string
	Family schemas.Family
	Zone   string
	Regime cases.Regime
	From   schemas.Micros // first capture of these offences
	To     schemas.Micros // last
}

// Arrivals lists cameras and families without an open wire of which offences were taken in at since or later, by name: those
// with least or more vehicles from before the first of these offences to the last.
func (s *Store) Arrivals(ctx context.Context, since, before schemas.Micros, least int) ([]Arrival, error) {
	rows, err := s.pool.Query(ctx, `SELECT a.* FROM (SELECT camera, family, max(zone) AS zone, max(regime) AS regime, min(captured_at) AS first, max(captured_at) AS last
			FROM cases WHERE taken_in_at >= $1 GROUP BY camera, family) a
		WHERE NOT EXISTS (SELECT FROM tripwires w WHERE w.camera = a.camera AND w.family = a.family AND w.released_at IS NULL)
			AND (SELECT count(DISTINCT plate) FROM cases c WHERE c.camera = a.camera AND c.family = a.family AND c.captured_at > a.first - $2::interval AND c.captured_at <= a.last) >= $3
		ORDER BY camera, family`, since.Time(), time.Duration(before)*time.Microsecond, least)
	if err != nil {
		return nil, safeError("list what was taken in", err)
	}
	out, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (a Arrival, err error) {
		var first, last time.Time
		err = row.Scan(&a.Camera, &a.Family, &a.Zone, &a.Regime, &first, &last)
		a.From, a.To = schemas.MicrosOf(first), schemas.MicrosOf(last)
		return a, err
	})
	return out, safeError("list what was taken in", err)
}

// Offence is an offence as the detector counts it.
type Offence struct {
	CapturedAt schemas.Micros
	Plate      string
	Excess     schemas.Speed // corrected speed above what is allowed, tenths of km/h; 0 = none was measured
	HeldFor    string        // reason of its hold now; "" = it is not held
}

// OffencesOf lists the offences of a camera and family with a capture in [from, to), by capture. A further attempt is none.
func (s *Store) OffencesOf(ctx context.Context, camera string, family schemas.Family, from, to schemas.Micros) ([]Offence, error) {
	rows, err := s.pool.Query(ctx, `SELECT captured_at, plate, present -> 'measures', hold_reason FROM cases
		WHERE camera = $1 AND family = $2 AND captured_at >= $3 AND captured_at < $4 AND attempt = 1 ORDER BY captured_at, case_id`, camera, string(family), from.Time(), to.Time())
	if err != nil {
		return nil, safeError("list the offences of a camera", err)
	}
	out, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (o Offence, err error) {
		var at time.Time
		var measures []schemas.Measure
		if err = row.Scan(&at, &o.Plate, &measures, &o.HeldFor); err != nil {
			return o, err
		}
		o.CapturedAt = schemas.MicrosOf(at)
		if slices.ContainsFunc(measures, func(m schemas.Measure) bool { return m.Name == schemas.AllowedSpeed }) {
			o.Excess = schemas.Speed(schemas.MeasureValue(measures, schemas.CorrectedSpeed) - schemas.MeasureValue(measures, schemas.AllowedSpeed))
		}
		return o, nil
	})
	return out, safeError("list the offences of a camera", err)
}
