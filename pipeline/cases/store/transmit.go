package store

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"slices"
	"strconv"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/gvc-brussels/anpr/pipeline/cases"
	"github.com/gvc-brussels/anpr/schemas"
)

// Sending is a case that somebody verified for a batch.
type Sending struct {
	Case    cases.ID
	Version int64 // that was verified
	Command cases.Transmit
}

// BatchFile is the file of a batch, as it was signed.
type BatchFile struct {
	KeyID   string
	SHA256  schemas.Digest
	Content []byte
}

// Batch is a transmission to be made.
type Batch struct {
	ID    cases.ID
	Track cases.Track
	Zone  string // that was asked for; "" = each
	Key   string // of the request; the same key gives the same batch
	By    cases.Actor
	List  []Sending
	// Write makes the file of the cases that are handed over. It runs inside the transaction, which it must not keep long.
	Write func(at schemas.Micros, sent []cases.ID) (*BatchFile, error)
}

// Kept is a case that stayed.
type Kept struct {
	Case    cases.ID
	Reasons []string // codes
}

// NewBatchID returns a random id.
func NewBatchID() cases.ID { return newRandomID() }

// SendBatch hands over the cases of a batch, with their file, in one transaction: either every event of it, the batch and
// its file are there, or nothing of it. A case that may not go, or changed since it was verified, stays and stops no
// other. sent is empty when no case goes; then there is no batch.
func (s *Store) SendBatch(ctx context.Context, b *Batch) (sent []cases.Case, kept []Kept, err error) {
	list := slices.Clone(b.List)
	slices.SortFunc(list, func(x, y Sending) int { return bytes.Compare(x.Case.ID[:], y.Case.ID[:]) })
	for i := range list {
		if err := s.refreshFile(ctx, list[i].Case); err != nil && !isRowError(err) && !errors.Is(err, errNoReading) {
			return nil, nil, safeError("read the file of a vehicle", err)
		}
	}
	for range 3 { // the database ends one of two transactions that wait for each other
		sent, kept = nil, nil
		err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
			sent, kept, err = s.sendInside(ctx, tx, b, list)
			return err
		})
		if pg, ok := errors.AsType[*pgconn.PgError](err); !ok || pg.Code != "40P01" {
			break
		}
	}
	if err != nil {
		return nil, nil, safeError("hand over a batch", err)
	}
	return sent, kept, nil
}

// sendInside hands a batch over inside a transaction: first the files of all vehicles are locked, then the
// tripwires, then the cases.
func (s *Store) sendInside(ctx context.Context, tx pgx.Tx, b *Batch, list []Sending) (sent []cases.Case, kept []Kept, err error) {
	if err := s.lockFilesOf(ctx, tx, list); err != nil {
		return nil, nil, err
	}
	if err := lockWiresShared(ctx, tx); err != nil {
		return nil, nil, err
	}
	at, err := s.readClock(ctx, tx)
	if err != nil {
		return nil, nil, err
	}
	var ids []cases.ID
	for i := range list {
		c, err := s.sendOne(ctx, tx, b, &list[i])
		if keepsOne(err) {
			kept = append(kept, Kept{list[i].Case, reasonsOf(err)})
			continue
		}
		if err != nil {
			return nil, nil, err
		}
		sent, ids = append(sent, *c), append(ids, c.ID)
	}
	if len(sent) == 0 {
		return nil, kept, nil
	}
	file, err := b.Write(at, ids)
	if err != nil {
		return nil, nil, err
	}
	return sent, kept, saveBatch(ctx, tx, b, file, at, sent)
}

// keepsOne reports whether the error is of one case and leaves the transaction as it was.
func keepsOne(err error) bool {
	_, refused := errors.AsType[*cases.Refusal](err)
	return refused || errors.Is(err, errNoReading) || errors.Is(err, errUnreadable)
}

// lockFilesOf locks the files of the vehicles of a batch, in an order that is the same in every office.
func (s *Store) lockFilesOf(ctx context.Context, tx pgx.Tx, list []Sending) error {
	var all []cases.Vehicle
	for i := range list {
		v, err := s.vehicleOf(ctx, tx, list[i].Case)
		if keepsOne(err) {
			continue // the case stays
		}
		if err != nil {
			return err
		}
		all = append(all, v)
	}
	slices.SortFunc(all, func(a, b cases.Vehicle) int {
		return cmp.Or(cmp.Compare(a.Family, b.Family), cmp.Compare(a.Reading.Plate, b.Reading.Plate), cmp.Compare(a.Reading.Country, b.Reading.Country))
	})
	for _, v := range slices.Compact(all) {
		if _, err := lockVehicle(ctx, tx, v, true); err != nil {
			return err
		}
	}
	return nil
}

// sendOne records the transmission of one case. A refusal leaves the transaction as it was.
func (s *Store) sendOne(ctx context.Context, tx pgx.Tx, b *Batch, x *Sending) (*cases.Case, error) {
	cmd := x.Command
	cmd.Batch, cmd.Track = b.ID.String(), b.Track
	r := &Request{Case: x.Case, IfVersion: x.Version, Command: cmd, By: b.By}
	row, err := lockCase(ctx, tx, x.Case)
	if err != nil {
		return nil, err
	}
	m, err := s.newMoment(ctx, tx, r, row)
	if err != nil {
		return nil, err
	}
	if err = tx.QueryRow(ctx, isInBulkAct, uuidOf(x.Case.ID)).Scan(&cmd.OpenApproval); err != nil {
		return nil, err
	}
	r.Command = cmd
	e, err := cases.Act(&row.Case, cmd, &r.By, m)
	if err != nil {
		return nil, err
	}
	done, err := s.recordAct(ctx, tx, r, row, e)
	return &done.Case, err
}

// isInBulkAct asks whether an act on many cases, which waits for its second person or for its turn, has the case.
var isInBulkAct = `SELECT EXISTS (SELECT FROM ` + bulkTables + ` JOIN bulk_cases c USING (bulk_id) WHERE c.case_id = $1 AND c.outcome = '' AND b.ended_at IS NULL
	AND (b.began_at IS NOT NULL OR a.outcome = 'approved' OR a.outcome = '' AND a.asked_at > clock_timestamp() - ` + approvalWait + `))`

// saveBatch writes the batch, its file and the list of its cases.
func saveBatch(ctx context.Context, tx pgx.Tx, b *Batch, file *BatchFile, at schemas.Micros, sent []cases.Case) error {
	q := &pgx.Batch{}
	q.Queue(`INSERT INTO transmissions (batch_id, track, zone, user_name, request_key, made_at, cases, key_id, sha256, size, file, next_try_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $6)`,
		uuidOf(b.ID.ID), string(b.Track), b.Zone, b.By.User, cmp.Or(b.Key, b.ID.String()), at.Time(), len(sent), file.KeyID, []byte(file.SHA256), len(file.Content), file.Content)
	for i := range sent {
		c := &sent[i]
		q.Queue("INSERT INTO transmitted_cases (batch_id, case_id, number, zone, regime) VALUES ($1, $2, $3, $4, $5)", uuidOf(b.ID.ID), uuidOf(c.ID.ID), c.Number, c.Zone, string(c.Regime))
		q.Queue("DELETE FROM transmission_obstacles WHERE case_id = $1", uuidOf(c.ID.ID))
	}
	return tx.SendBatch(ctx, q).Close()
}

// queueNotice tells the recipient of an annulled case that it is none any more. c is the case after the event.
func (w *recorder) queueNotice(c *cases.Case, e *cases.Event) {
	w.batch.Queue(`INSERT INTO annulment_notices (case_id, batch_id, number, track, zone, regime, reason, annulled_at, next_copy_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8)`,
		uuidOf(c.ID.ID), c.Batch, c.Number, string(c.Track), c.Zone, string(c.Regime), e.Reason, e.RecordedAt.Time())
}

// ReadyToSend lists the cases of a track that have a number and wait for transmission, by due time; those that something
// kept last time come last. zone "" = each zone of the actor.
func (s *Store) ReadyToSend(ctx context.Context, track cases.Track, zone string, by *cases.Actor, limit int) ([]cases.ID, error) {
	w := &where{}
	w.add("state = 'confirmed' AND number <> '' AND present ->> 'track' = ?", string(track))
	w.bound(by.Zones, by.Regimes)
	if zone != "" {
		w.add("zone = ?", zone)
	}
	w.args = append(w.args, limit)
	rows, err := s.pool.Query(ctx, "SELECT case_id FROM cases LEFT JOIN transmission_obstacles o USING (case_id)"+w.sql()+" ORDER BY o.found_at NULLS FIRST, due_at, case_id LIMIT $"+strconv.Itoa(len(w.args)), w.args...)
	if err != nil {
		return nil, safeError("find cases to hand over", err)
	}
	ids, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (id cases.ID, err error) {
		err = row.Scan(&id)
		return id, err
	})
	return ids, safeError("find cases to hand over", err)
}
