package store

import (
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/gvc-brussels/anpr/pipeline/office/access"
	"github.com/gvc-brussels/anpr/schemas"
)

// Bounds of an entry's time: from inclusive, to exclusive. The table has the same bounds (look_ups_bounds).
var (
	earliestEntry = time.Date(1900, 1, 1, 0, 0, 0, 0, time.UTC)
	latestEntry   = time.Date(2300, 1, 1, 0, 0, 0, 0, time.UTC)
)

// entryRow is a row with columnNames as PostgreSQL can return it: the tables' owner may store any value.
type entryRow struct {
	at               pgtype.Timestamptz
	numbers          [5]pgtype.Int8
	texts            [18]pgtype.Text
	cut              pgtype.Bool
	prev, sum        []byte
	asked, disclosed [][]byte
	e                *access.Entry
}

// scanEntry reads a row with columnNames and the two lists of HMACs. A value that no entry can have is no error:
// scanEntry sets the entry's Unreadable.
func scanEntry(row pgx.Row, e *access.Entry, more ...any) error {
	r := entryRow{e: e}
	n, t := &r.numbers, &r.texts
	to := append([]any{
		&n[0], &r.at, &t[0], &t[1], &t[2], &t[3], &t[4], &t[5], &t[6], &t[7], &t[8], &t[9],
		&t[10], &t[11], &t[12], &t[13], &t[14], &t[15], &n[1], &n[2], &n[3], &t[16],
		&e.PlatesSum, &e.Pictures, &n[4], &r.cut, &t[17], &r.prev, &r.sum, &e.Signature, &r.asked, &r.disclosed,
	}, more...)
	if err := row.Scan(to...); err != nil {
		return err
	}
	r.readNumbers()
	r.readTime()
	r.readTexts()
	r.readSums()
	return nil
}

// noteUnreadable sets the entry's Unreadable to the first such value.
func (r *entryRow) noteUnreadable(format string, args ...any) {
	if r.e.Unreadable == "" {
		r.e.Unreadable = fmt.Sprintf(format, args...)
	}
}

func (r *entryRow) readNumbers() {
	e := r.e
	for i, column := range []struct {
		name string
		to   *uint64
	}{{"seq", &e.Seq}, {"of_seq", &e.Of}, {"rows_shown", &e.Rows}, {"plates", &e.Plates}, {"took_ms", &e.TookMS}} {
		switch v := r.numbers[i]; {
		case !v.Valid:
			r.noteUnreadable("%s is missing", column.name)
		case v.Int64 < 0 || i == 0 && v.Int64 == 0:
			r.noteUnreadable("%s is %d", column.name, v.Int64)
		default:
			*column.to = uint64(v.Int64)
		}
	}
	if !r.cut.Valid {
		r.noteUnreadable("cut is missing")
	}
	e.Cut = r.cut.Bool
}

func (r *entryRow) readTime() {
	switch at := r.at; {
	case !at.Valid:
		r.noteUnreadable("at is missing")
	case at.InfinityModifier != pgtype.Finite:
		r.noteUnreadable("at is %s", at.InfinityModifier)
	case at.Time.Before(earliestEntry) || !at.Time.Before(latestEntry):
		r.noteUnreadable("at is %s", at.Time.UTC().Format("2006-01-02T15:04:05.000000Z07:00"))
	default:
		r.e.At = schemas.MicrosOf(at.Time)
	}
}

func (r *entryRow) readTexts() {
	e, kind := r.e, ""
	for i, to := range []*string{
		&kind, &e.User, &e.Role, &e.Zones, &e.SignIn, &e.Address, &e.Operation, &e.Purpose, &e.PurposeID, &e.Reason,
		&e.CaseRef, &e.ProsecutorRef, &e.Asked, &e.Outcome, &e.Code, &e.Refusal, &e.KeyID, &e.Body,
	} {
		if !r.texts[i].Valid {
			r.noteUnreadable("a text is missing (%d of its %d texts)", i+1, len(r.texts))
		}
		*to = r.texts[i].String
	}
	e.Kind = access.EntryKind(kind)
}

func (r *entryRow) readSums() {
	if len(r.prev) != len(r.e.Prev) || len(r.sum) != len(r.e.Sum) {
		r.noteUnreadable("its hashes have %d and %d bytes", len(r.prev), len(r.sum))
	}
	copy(r.e.Prev[:], r.prev)
	copy(r.e.Sum[:], r.sum)
	for _, list := range [][][]byte{r.asked, r.disclosed} {
		for _, m := range list {
			if len(m) != len(schemas.Sum{}) {
				r.noteUnreadable("the HMAC of a plate has %d bytes", len(m))
				continue
			}
			r.e.Marks = append(r.e.Marks, schemas.Sum(m))
		}
	}
}
