package store

import (
	"context"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/gvc-brussels/anpr/pipeline/office/access"
	"github.com/gvc-brussels/anpr/schemas"
)

// Scan gives each the entries from a number on, with their HMACs, as at one instant. A row that no office can have
// written is an entry too, with Unreadable set.
func (s *LookUps) Scan(ctx context.Context, from uint64, each func(*access.Entry) error) error {
	tx, err := s.pool.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly})
	if err != nil {
		return fmt.Errorf("begin: %w", hideValues(err))
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }() // the transaction only reads
	sql := "SELECT " + strings.Join(columnNames, ", ") + `,
		(SELECT array_agg(a.plate_hmac ORDER BY a.plate_hmac) FROM asked_plates a WHERE a.seq = l.seq),
		(SELECT array_agg(d.plate_hmac ORDER BY d.plate_hmac) FROM disclosed d WHERE d.seq = l.seq)
		FROM look_ups l WHERE seq >= $1 ORDER BY seq`
	first := int64(from)
	if from <= 1 {
		first = math.MinInt64 // includes rows with a number that no entry has
	}
	rows, err := tx.Query(ctx, sql, first)
	if err != nil {
		return fmt.Errorf("query entries: %w", hideValues(err))
	}
	defer rows.Close()
	for rows.Next() {
		e := new(access.Entry)
		if err := scanEntry(rows, e); err != nil {
			return fmt.Errorf("scan entry: %w", err)
		}
		if err := each(e); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("query entries: %w", hideValues(err))
	}
	return nil
}

// Filter chooses entries; an empty field chooses all.
type Filter struct {
	User, Operation, Purpose, Outcome, Kind string
	From, To                                time.Time // entry's time: from inclusive, to exclusive; zero = open
	Zones                                   []string  // the user is in at least one zone
	Marks                                   [][]byte  // the entry named or disclosed a plate with such an HMAC
	Disclosed                               bool      // with Marks: only entries that disclosed a plate
	Covered                                 []string  // with Marks: also patterns kept in clear that cover a plate
	Before                                  uint64    // entries with smaller numbers; 0 = all
	Limit                                   int
}

// Found is an entry with the plates that are still kept in clear.
type Found struct {
	access.Entry
	Clear []access.ClearPlate
}

// FindEntries returns entries, newest first, at most one more than the limit.
func (s *LookUps) FindEntries(ctx context.Context, f *Filter) ([]Found, error) {
	where, args := []string{"true"}, []any{}
	and := func(sql string, arg any) {
		args = append(args, arg)
		where = append(where, strings.ReplaceAll(sql, "?", fmt.Sprintf("$%d", len(args))))
	}
	for _, x := range []struct{ column, value string }{
		{"user_name", f.User}, {"operation", f.Operation}, {"purpose", f.Purpose}, {"outcome", f.Outcome}, {"kind", f.Kind},
	} {
		if x.value != "" {
			and(x.column+" = ?", x.value)
		}
	}
	if !f.From.IsZero() {
		and("at >= ?", f.From)
	}
	if !f.To.IsZero() {
		and("at < ?", f.To)
	}
	if len(f.Zones) > 0 {
		and("string_to_array(zones, ',') && ?::text[]", f.Zones)
	}
	switch {
	case f.Marks != nil && f.Disclosed:
		and("seq IN (SELECT seq FROM disclosed WHERE plate_hmac = ANY(?::bytea[]))", f.Marks)
	case f.Marks != nil:
		args = append(args, f.Marks, append([]string{}, f.Covered...), classesOf(f.Covered))
		where = append(where, fmt.Sprintf("seq IN (%s)", findPlates(len(args)-2)))
	}
	if f.Before > 0 {
		and("seq < ?", int64(f.Before))
	}
	args = append(args, f.Limit+1)
	sql := "SELECT " + strings.Join(columnNames, ", ") + ", NULL::bytea[], NULL::bytea[], (SELECT array_agg(plate ORDER BY plate) FROM look_up_plates p WHERE p.seq = l.seq), (SELECT array_agg(plate_hmac ORDER BY plate) FROM look_up_plates p WHERE p.seq = l.seq) FROM look_ups l WHERE " +
		strings.Join(where, " AND ") + fmt.Sprintf(" ORDER BY seq DESC LIMIT $%d", len(args))
	rows, err := s.pool.Query(ctx, sql, args...)
	if err != nil {
		return nil, fmt.Errorf("query entries: %w", hideValues(err))
	}
	defer rows.Close()
	var out []Found
	for rows.Next() {
		var e Found
		var plates []string
		var marks [][]byte
		if err := scanEntry(rows, &e.Entry, &plates, &marks); err != nil {
			return nil, fmt.Errorf("scan entry: %w", err)
		}
		for i := range min(len(plates), len(marks)) {
			if len(marks[i]) == len(schemas.Sum{}) {
				e.Clear = append(e.Clear, access.ClearPlate{Mark: schemas.Sum(marks[i]), Plate: plates[i]})
			}
		}
		out = append(out, e)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("query entries: %w", hideValues(err))
	}
	return out, nil
}

// Characters that cameras confuse, and the characters that stand for them.
var confused, standing = func() (from, to string) {
	for c := byte('A'); c <= 'Z'; c++ {
		if class := schemas.ClassOf(c); class != c {
			from, to = from+string(c), to+string(class)
		}
	}
	return from, to
}()

// classesOf returns the plates' confusion classes.
func classesOf(plates []string) []string {
	out := []string{}
	for _, text := range plates {
		if p, ok := schemas.PlateFrom(text); ok {
			out = append(out, p.Class().String())
		}
	}
	return out
}

// findPlates returns a query for entry numbers. It takes three arguments: HMACs, plates and confusion classes. An entry
// matches when it named or disclosed an HMAC, or asked for a pattern that covers a plate. An entry also matches when it
// searched for plates confusable with a class.
func findPlates(argument int) string {
	const like = `translate(replace(replace(replace(%s, '\', '\\'), '%%', '\%%'), '_', '\_'), '?*', '_%%')`
	pattern := fmt.Sprintf(like, "c.plate")
	class := fmt.Sprintf(like, fmt.Sprintf("translate(replace(c.plate, '-', ''), '%s', '%s')", confused, standing))
	return fmt.Sprintf(`SELECT seq FROM asked_plates WHERE plate_hmac = ANY($%[1]d::bytea[])
		UNION ALL SELECT seq FROM disclosed WHERE plate_hmac = ANY($%[1]d::bytea[])
		UNION ALL SELECT c.seq FROM look_up_plates c WHERE c.plate ~ '[?*]' AND EXISTS (SELECT FROM unnest($%[2]d::text[]) p WHERE p LIKE %[4]s)
		UNION ALL SELECT c.seq FROM look_ups q JOIN look_up_plates c USING (seq)
			WHERE (q.asked || q.body) ~ '"looks_like"|"confusable":true' AND EXISTS (SELECT FROM unnest($%[3]d::text[]) p WHERE p LIKE %[5]s)`,
		argument, argument+1, argument+2, pattern, class)
}

// Disclosed is a "disclosed" entry together with its "asked" entry.
type Disclosed struct {
	access.Entry
	Asked access.Entry
	Named bool // Asked named a plate with one of the marks
}

// FindDisclosures returns the entries that disclosed a plate with one of the filter's marks. The newest comes first, at
// most one more than the limit.
func (s *LookUps) FindDisclosures(ctx context.Context, f *Filter) ([]Disclosed, error) {
	only := *f
	only.Disclosed = true
	found, err := s.FindEntries(ctx, &only)
	if err != nil || len(found) == 0 {
		return nil, err
	}
	seqs := make([]int64, len(found))
	for i := range found {
		seqs[i] = int64(found[i].Of)
	}
	rows, err := s.pool.Query(ctx, "SELECT "+strings.Join(columnNames, ", ")+`, NULL::bytea[], NULL::bytea[],
		EXISTS (SELECT FROM asked_plates a WHERE a.seq = l.seq AND a.plate_hmac = ANY($2::bytea[])) FROM look_ups l WHERE seq = ANY($1::bigint[])`, seqs, f.Marks)
	if err != nil {
		return nil, fmt.Errorf("query questions: %w", hideValues(err))
	}
	defer rows.Close()
	asked := map[uint64]Disclosed{}
	for rows.Next() {
		var d Disclosed
		if err := scanEntry(rows, &d.Asked, &d.Named); err != nil {
			return nil, fmt.Errorf("scan question: %w", err)
		}
		asked[d.Asked.Seq] = d
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("query questions: %w", hideValues(err))
	}
	out := make([]Disclosed, len(found))
	for i := range found {
		out[i] = asked[found[i].Of]
		out[i].Entry = found[i].Entry
	}
	return out, nil
}
