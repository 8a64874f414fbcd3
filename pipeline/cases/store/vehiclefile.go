package store

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/gvc-brussels/anpr/pipeline/cases"
	"github.com/gvc-brussels/anpr/schemas"
)

// vehiclesAtOnce is the number of vehicles of one round.
const vehiclesAtOnce = 100

// FilesRead counts a round.
type FilesRead struct {
	Vehicles  int // whose file was read
	Answers   int // recorded on cases
	Incidents int // cases sent or taken back, whose file says something else now
}

// ReadFiles reads the file of every vehicle with a confirmation that took effect, or with a case that left the file: what
// each confirmed case is, is recorded once for its verdict. More may wait when Vehicles is not 0. Any office may call it,
// each second: a vehicle is one office's at a time, so the order of the answers is one. A vehicle whose file cannot be
// read waits ten minutes, and stops no other.
func (s *Store) ReadFiles(ctx context.Context) (n FilesRead, err error) {
	if s.o.Filer == nil {
		return n, nil
	}
	due, err := s.dueVehicles(ctx)
	if err != nil && !isRowError(err) {
		return n, safeError("find vehicles whose file is due", err)
	}
	failed := []error{err}
	for _, v := range due {
		one, err := s.readVehicle(ctx, v, false)
		if err == nil {
			n.Vehicles, n.Answers, n.Incidents = n.Vehicles+one.Vehicles, n.Answers+one.Answers, n.Incidents+one.Incidents
			continue
		}
		failed = append(failed, safeError("read the file of a vehicle", err)) // the plate stays out of logs
		if ctx.Err() != nil || !isRowError(err) && !errors.Is(err, errNoReading) {
			break
		}
		failed = append(failed, s.putOff(ctx, v))
	}
	return n, errors.Join(failed...)
}

// errNoReading says that the rules could not read a file.
var errNoReading = errors.New("the rules cannot read the file")

// dueVehicles lists vehicles whose file must be read, the longest waiting first. A case that cannot be read is put off.
func (s *Store) dueVehicles(ctx context.Context) (out []cases.Vehicle, err error) {
	now, err := s.readClock(ctx, s.pool)
	if err != nil {
		return nil, err
	}
	rows, err := s.pool.Query(ctx, "SELECT case_id, present FROM cases WHERE file_at <= $1 ORDER BY file_at LIMIT $2", now.Time(), vehiclesAtOnce)
	if err != nil {
		return nil, err
	}
	var unread []error
	var id cases.ID
	var present []byte
	var damaged [][16]byte
	_, err = pgx.ForEachRow(rows, []any{&id, &present}, func() error {
		var c cases.Case
		if err := decodeCase(present, &c); err != nil {
			damaged, unread = append(damaged, id.ID), append(unread, fmt.Errorf("case %s: %w", id, err))
			return nil
		}
		c.Settle(now)
		out = append(out, c.Vehicle())
		return nil
	})
	if err == nil && len(damaged) > 0 {
		_, err = s.pool.Exec(ctx, "UPDATE cases SET file_at = $2 WHERE case_id = ANY ($1)", damaged, (now + putOffTime).Time())
	}
	if err != nil {
		return nil, err
	}
	rows, err = s.pool.Query(ctx, "SELECT family, plate, country FROM case_file_visits WHERE asked_at <= $1 ORDER BY asked_at LIMIT $2", now.Time(), vehiclesAtOnce)
	if err != nil {
		return nil, err
	}
	var v cases.Vehicle
	_, err = pgx.ForEachRow(rows, []any{&v.Family, &v.Reading.Plate, &v.Reading.Country}, func() error {
		out = append(out, v)
		return nil
	})
	slices.SortStableFunc(out, func(a, b cases.Vehicle) int {
		return cmp.Or(cmp.Compare(a.Family, b.Family), cmp.Compare(a.Reading.Plate, b.Reading.Plate), cmp.Compare(a.Reading.Country, b.Reading.Country))
	})
	return slices.Compact(out), errors.Join(append(unread, err)...)
}

// putOffTime is how long a vehicle waits whose file cannot be read.
const putOffTime = 10 * schemas.Minute

// putOff lets a vehicle wait.
func (s *Store) putOff(ctx context.Context, v cases.Vehicle) error {
	now, err := s.readClock(ctx, s.pool)
	if err != nil {
		return safeError("put a vehicle off", err)
	}
	later := (now + putOffTime).Time()
	b := &pgx.Batch{}
	b.Queue("UPDATE cases SET file_at = $3 WHERE file_at <= $4 AND family = $1 AND case_id IN ("+ofPlate("$2")+")", string(v.Family), v.Reading.Plate, later, now.Time())
	b.Queue("UPDATE case_file_visits SET asked_at = $4 WHERE (family, plate, country) = ($1, $2, $3)", string(v.Family), v.Reading.Plate, v.Reading.Country, later)
	return safeError("put a vehicle off", s.pool.SendBatch(ctx, b).Close())
}

// readVehicle reads the file of one vehicle, in one transaction. Another office that reads the file now is waited for, or
// left to it.
func (s *Store) readVehicle(ctx context.Context, v cases.Vehicle, wait bool) (n FilesRead, err error) {
	err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		mine, err := lockVehicle(ctx, tx, v, wait)
		if err != nil || !mine {
			return err
		}
		f := &vehicleFile{s: s, v: v}
		if err := f.load(ctx, tx); err != nil {
			return err
		}
		if err := f.settleAnswers(ctx, tx); err != nil {
			return err
		}
		f.n.Vehicles = 1
		n = f.n
		_, err = tx.Exec(ctx, "DELETE FROM case_file_visits WHERE (family, plate, country) = ($1, $2, $3)", string(v.Family), v.Reading.Plate, v.Reading.Country)
		return err
	})
	return n, err
}

// lockVehicle locks the file of a vehicle until the end of the transaction. It comes before the lock of any case.
func lockVehicle(ctx context.Context, tx pgx.Tx, v cases.Vehicle, wait bool) (mine bool, err error) {
	key := fmt.Sprintf("file of %s %s %s", v.Family, v.Reading.Country, v.Reading.Plate)
	if wait {
		_, err = tx.Exec(ctx, "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", key)
		return err == nil, err
	}
	err = tx.QueryRow(ctx, "SELECT pg_try_advisory_xact_lock(hashtextextended($1, 0))", key).Scan(&mine)
	return mine, err
}

// ofPlate selects the cases that may be a plate's: sealed, corrected, or corrected by a verdict that nobody has swept.
func ofPlate(arg string) string {
	return "SELECT case_id FROM cases WHERE plate = " + arg + " AND corrected = '' UNION SELECT case_id FROM cases WHERE corrected = " + arg + " AND corrected <> '' UNION " +
		"SELECT case_id FROM cases WHERE file_at IS NOT NULL AND state = 'settling' AND present->'second'->'plate'->>'plate' = " + arg
}

// vehicleFile is the file of one vehicle in a transaction that has its lock.
type vehicleFile struct {
	s    *Store
	v    cases.Vehicle
	now  schemas.Micros
	rows []*fileRow // cases with an answer, or that wait for the first
	n    FilesRead
}

type fileRow struct {
	*caseRow
	sealed []byte
}

// load locks the cases of the vehicle that have an answer, or wait for the first.
func (f *vehicleFile) load(ctx context.Context, tx session) (err error) {
	if f.now, err = f.s.readClock(ctx, tx); err != nil {
		return err
	}
	rows, err := tx.Query(ctx, "SELECT "+rowColumns+", sealed FROM cases WHERE family = $1 AND case_id IN ("+ofPlate("$2")+") AND (file_at <= $3 OR present ? 'file') ORDER BY case_id FOR UPDATE",
		string(f.v.Family), f.v.Reading.Plate, f.now.Time())
	if err != nil {
		return err
	}
	all, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (*fileRow, error) {
		r := &fileRow{}
		var err error
		r.caseRow, err = scanRow(withSealed{row, &r.sealed})
		return r, err
	})
	if err != nil {
		return err
	}
	plain := make([]*caseRow, len(all))
	for i, r := range all {
		plain[i] = r.caseRow
	}
	if err := foldOlder(ctx, tx, plain); err != nil {
		return err
	}
	for _, r := range all {
		if r.Settle(f.now); r.Vehicle() == f.v && (r.HasFile() || r.State == cases.Confirmed) {
			f.rows = append(f.rows, r)
		}
	}
	return nil
}

// withSealed scans one more column.
type withSealed struct {
	pgx.Row
	sealed *[]byte
}

// Scan implements [pgx.Row].
func (r withSealed) Scan(dest ...any) error { return r.Row.Scan(append(dest, r.sealed)...) }

// settleAnswers records the first answers in the order in which the verdicts took effect, then compares every other
// answer with what the rules say now, until nothing changes.
func (f *vehicleFile) settleAnswers(ctx context.Context, tx pgx.Tx) error {
	slices.SortFunc(f.rows, func(a, b *fileRow) int {
		return cmp.Or(cmp.Compare(a.EffectiveAt, b.EffectiveAt), cmp.Compare(a.CapturedAt, b.CapturedAt), bytes.Compare(a.ID.ID[:], b.ID.ID[:]))
	})
	for _, r := range f.rows {
		if r.State == cases.Confirmed && !r.HasFile() {
			reading, err := f.ask(r)
			if err == nil {
				_, err = f.record(ctx, tx, r, cases.ReadFile{Reading: reading})
			}
			if err != nil {
				return err
			}
		}
	}
	for range len(f.rows) + 1 { // a case that is taken back stays so, hence this ends
		changed := false
		for _, r := range f.rows {
			isNew, err := f.compare(ctx, tx, r)
			if err != nil {
				return err
			}
			changed = changed || isNew
		}
		if !changed {
			return nil
		}
	}
	return nil
}

// compare records what the rules say now, where that is something else.
func (f *vehicleFile) compare(ctx context.Context, tx pgx.Tx, r *fileRow) (changed bool, err error) {
	reading, err := f.ask(r)
	if err != nil {
		return false, err
	}
	cmd := r.FileDiffers(&reading)
	if cmd == nil {
		return false, nil
	}
	return f.record(ctx, tx, r, cmd)
}

// ask asks the rules about a case.
func (f *vehicleFile) ask(r *fileRow) (cases.FileReading, error) {
	q := cases.FileQuestion{Case: &r.Case, Sealed: r.sealed, At: f.now}
	for _, o := range f.rows {
		if o.ID != r.ID && o.IsInFile() {
			q.Others = append(q.Others, &o.Case)
		}
	}
	reading, err := f.s.o.Filer.ReadFile(&q)
	if err != nil {
		return reading, fmt.Errorf("%w: case %s: %w", errNoReading, r.ID, err)
	}
	return reading, nil
}

// record records an act of the job.
func (f *vehicleFile) record(ctx context.Context, tx pgx.Tx, r *fileRow, cmd cases.Command) (changed bool, err error) {
	by := cases.SystemActor()
	e, err := cases.Act(&r.Case, cmd, &by, &cases.Moment{Now: f.now, Policy: f.s.o.Policy()})
	if err != nil || e == nil {
		return false, err
	}
	done, err := f.s.recordAct(ctx, tx, &Request{Case: r.ID, Command: cmd, By: by}, r.caseRow, e)
	if err != nil {
		return false, err
	}
	if r.Case = done.Case; e.Kind == cases.FileRead {
		f.n.Answers++
	} else {
		f.n.Incidents++
	}
	return true, nil
}

// refreshFile reads the file of a case's vehicle before a command that needs it.
func (s *Store) refreshFile(ctx context.Context, id cases.ID) error {
	v, err := s.vehicleOf(ctx, s.pool, id)
	if err != nil || s.o.Filer == nil {
		return err
	}
	_, err = s.readVehicle(ctx, v, true)
	return err
}

// lockFileOf locks the file of a case's vehicle for a command that needs it.
func (s *Store) lockFileOf(ctx context.Context, tx pgx.Tx, id cases.ID) error {
	v, err := s.vehicleOf(ctx, tx, id)
	if err == nil {
		_, err = lockVehicle(ctx, tx, v, true)
	}
	return err
}

// vehicleOf returns the vehicle of a case as it is at the moment.
func (s *Store) vehicleOf(ctx context.Context, q querier, id cases.ID) (v cases.Vehicle, err error) {
	now, err := s.readClock(ctx, q)
	if err != nil {
		return v, err
	}
	r, err := scanRow(q.QueryRow(ctx, "SELECT "+rowColumns+" FROM cases WHERE case_id = $1", uuidOf(id.ID)))
	if errors.Is(err, pgx.ErrNoRows) {
		return v, &cases.Refusal{Code: cases.CodeNotFound, Detail: "no such case"}
	}
	if err != nil {
		return v, err
	}
	r.Settle(now)
	return r.Vehicle(), nil
}

// fileNow asks the rules about a locked case, for a command that needs its vehicle's file; nil = nobody can say.
func (s *Store) fileNow(ctx context.Context, tx session, row *caseRow, now schemas.Micros) (*cases.FileReading, error) {
	c := row.Case
	if c.Settle(now); s.o.Filer == nil || !c.HasFile() {
		return nil, nil
	}
	f := &vehicleFile{s: s, v: c.Vehicle()}
	if err := f.load(ctx, tx); err != nil {
		return nil, err
	}
	for _, r := range f.rows {
		if r.ID == c.ID {
			reading, err := f.ask(r)
			return &reading, err
		}
	}
	return nil, nil
}

// queueVisit asks for the file of a vehicle that a case has left.
func (w *recorder) queueVisit(v cases.Vehicle, at schemas.Micros) {
	w.batch.Queue("INSERT INTO case_file_visits (family, plate, country, asked_at) VALUES ($1, $2, $3, $4) ON CONFLICT (family, plate, country) DO UPDATE SET asked_at = excluded.asked_at",
		string(v.Family), v.Reading.Plate, v.Reading.Country, at.Time())
}
