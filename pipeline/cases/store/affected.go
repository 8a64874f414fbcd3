package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/gvc-brussels/anpr/pipeline/cases"
	"github.com/gvc-brussels/anpr/schemas"
)

// Dependence answers whether decisions rest on a value. Implementations are safe for concurrent use.
type Dependence interface {
	// Name returns a text that occurs in every decision that rests on the value.
	Name() string
	// FindIn returns the clauses by which a decision rests on the value.
	FindIn(d *schemas.DecisionBasis) (because []schemas.Step, ok bool)
	// NamesIn lists the names of the value's kind that a decision records.
	NamesIn(d *schemas.DecisionBasis) []string
	// Unseal reads the decision from the sealed bytes of a case.
	Unseal(sealed []byte) (schemas.Decision, error)
}

// Affected is a case that rests on a value, or did.
type Affected struct {
	Case    cases.Case     // as of now
	Because []schemas.Step // clauses of the decision that recorded the value
	Former  bool           // only an earlier decision of the case rested on the value: the rules have decided again since
}

// AffectedPage is a page of cases by capture and id.
type AffectedPage struct {
	Rows       []Affected
	Next       string // "" = no more
	Unreadable int    // cases of the page's part of the window whose sealed bytes cannot be read: nothing can be said of them
}

// ListAffected returns at most limit cases that a filter selects and that rest on the value KIND:NAME, or did. The refusal is
// [cases.CodeInvalid] for a value that cannot be asked for.
func (s *Store) ListAffected(ctx context.Context, f Filter, value, after string, limit int) (out AffectedPage, err error) {
	dep, err := s.dependence(value)
	if err != nil {
		return out, err
	}
	if limit < 1 || limit > MaxRows {
		return out, &cases.Refusal{Code: cases.CodeInvalid, Field: "limit", Detail: fmt.Sprintf("1 to %d rows fit a page", MaxRows)}
	}
	w := &where{}
	w.filter(&f)
	if after != "" {
		captured, _, id, err := parseCursor(after)
		if err != nil {
			return out, err
		}
		w.add("(captured_at, case_id) > (?, ?)", captured.Time(), uuidOf(id.ID))
	}
	err = pgx.BeginTxFunc(ctx, s.pool, readOnly, func(tx pgx.Tx) error {
		now, err := s.readClock(ctx, tx)
		if err != nil {
			return err
		}
		return scanAffected(ctx, tx, w, dep, func(a *Affected, readable bool) error {
			switch {
			case !readable:
				out.Unreadable++
			case len(out.Rows) == limit:
				last := &out.Rows[limit-1].Case
				out.Next = placeCursor(last.CapturedAt, 0, last.ID)
				return errEnough
			default:
				a.Case.Settle(now)
				out.Rows = append(out.Rows, *a)
			}
			return nil
		})
	})
	return out, safeError("list the cases that rest on a value", err)
}

// errEnough ends a scan.
var errEnough = errors.New("enough")

// dependence reads a value.
func (s *Store) dependence(value string) (Dependence, error) {
	if s.o.Depends == nil {
		return nil, &cases.Refusal{Code: cases.CodeInvalid, Field: "affected", Detail: "cannot be answered here: this office does not read decisions"}
	}
	dep, err := s.o.Depends(value)
	if err != nil {
		return nil, &cases.Refusal{Code: cases.CodeInvalid, Field: "affected", Detail: err.Error()}
	}
	return dep, nil
}

// boundAffected narrows the conditions of an act to the cases that rest on a value now. Cases that rested on it before and were
// decided again since stay out.
func (s *Store) boundAffected(ctx context.Context, q rowsQuerier, w *where, value string) error {
	dep, err := s.dependence(value)
	if err != nil {
		return err
	}
	ids := [][16]byte{}
	err = scanAffected(ctx, q, &where{w.conds, w.args}, dep, func(a *Affected, readable bool) error {
		if readable && !a.Former {
			ids = append(ids, a.Case.ID.ID)
		}
		if len(ids) > mostBulk {
			return &cases.Refusal{Code: cases.CodeInvalid, Field: "affected", Detail: fmt.Sprintf("more than %d cases rest on %s: take a shorter window", mostBulk, value)}
		}
		return nil
	})
	w.add("case_id = ANY (?)", ids)
	return err
}

// decidingEvents are the kinds of event that record a decision of the rules.
const decidingEvents = "('re_decided', 'file_read', 'transmitted')"

// scanAffected reads the selected cases in which the name of the value occurs, by capture and id, and hands on those that rest
// on it. readable is false for a case whose sealed bytes say nothing.
func scanAffected(ctx context.Context, q rowsQuerier, w *where, dep Dependence, each func(a *Affected, readable bool) error) error {
	name := []byte(dep.Name())
	inJSON, err := json.Marshal(dep.Name())
	if err != nil {
		return err
	}
	inJSON = inJSON[1 : len(inJSON)-1]
	w = &where{append([]string{}, w.conds...), append([]any{}, w.args...)}
	w.add(`(sealed = ''::bytea OR camera = ? OR position(?::bytea IN sealed) > 0 OR EXISTS (SELECT FROM case_events e WHERE e.case_id = cases.case_id
		AND e.kind IN `+decidingEvents+` AND position(?::bytea IN e.body) > 0))`, dep.Name(), name, inJSON)
	rows, err := q.Query(ctx, `SELECT present, sealed, ARRAY(SELECT body FROM case_events e WHERE e.case_id = cases.case_id AND e.kind IN `+decidingEvents+` ORDER BY e.n)
		FROM cases`+w.sql()+" ORDER BY captured_at, case_id", w.args...)
	if err != nil {
		return err
	}
	var present, sealed []byte
	var events [][]byte
	_, err = pgx.ForEachRow(rows, []any{&present, &sealed, &events}, func() error {
		a := Affected{}
		if err := decodeCase(present, &a.Case); err != nil {
			return each(&a, false)
		}
		bases, err := basesOf(&a.Case, sealed, events, dep)
		if err != nil {
			return each(&a, false)
		}
		for i := len(bases) - 1; i >= 0; i-- { // the present one last
			if because, ok := dep.FindIn(&bases[i]); ok {
				a.Because, a.Former = because, i < len(bases)-1
				return each(&a, true)
			}
		}
		return nil
	})
	if errors.Is(err, errEnough) {
		return nil
	}
	return err
}

// basesOf lists what the decisions of a case rest on, in their order; on the last the case rests now. The reading of a vehicle's
// file adds its clauses to the decision of the case and replaces none.
func basesOf(c *cases.Case, sealed []byte, events [][]byte, dep Dependence) ([]schemas.DecisionBasis, error) {
	d, err := dep.Unseal(sealed)
	if err != nil {
		return nil, err
	}
	out := []schemas.DecisionBasis{d.Basis()}
	for _, body := range events {
		var e cases.Event
		if err := json.Unmarshal(body, &e); err != nil {
			return nil, fmt.Errorf("a stored event is unreadable: %w", err)
		}
		next := out[len(out)-1]
		if e.Facts != nil {
			next.Catalogue, next.Reference = e.Facts.Catalogue, e.Facts.Reference
		}
		switch {
		case e.Kind == cases.ReDecided && len(e.Trace) > 0:
			next.Trace = e.Trace
		case e.Kind != cases.ReDecided:
			next.Trace = append(append([]schemas.Step{}, next.Trace...), e.Trace...)
			out[len(out)-1] = next
			continue
		}
		out = append(out, next)
	}
	last := &out[len(out)-1]
	last.Catalogue, last.Reference = c.Catalogue, c.Reference // a corrected plate brings other versions
	return out, nil
}

// NamesNear lists the names of the value's kind that decisions of the selected cases record, the nearest to the value's name
// first. It reads at most 5,000 cases.
func (s *Store) NamesNear(ctx context.Context, f Filter, value string, limit int) ([]string, error) {
	dep, err := s.dependence(value)
	if err != nil {
		return nil, err
	}
	w := &where{}
	w.filter(&f)
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	rows, err := s.pool.Query(ctx, "SELECT sealed FROM cases"+w.sql()+" ORDER BY captured_at DESC LIMIT 5000", w.args...)
	if err != nil {
		return nil, safeError("list names", err)
	}
	found := map[string]bool{}
	var sealed []byte
	_, err = pgx.ForEachRow(rows, []any{&sealed}, func() error {
		if d, err := dep.Unseal(sealed); err == nil {
			basis := d.Basis()
			for _, name := range dep.NamesIn(&basis) {
				found[name] = name != ""
			}
		}
		return nil
	})
	return nearest(found, dep.Name(), limit), safeError("list names", err)
}

// nearest orders names by how much of them the wanted name shares.
func nearest(found map[string]bool, wanted string, limit int) (out []string) {
	for n := len(wanted); n >= 0 && len(out) < limit; n-- {
		for _, name := range slices.Sorted(maps.Keys(found)) {
			if found[name] && len(out) < limit && strings.HasPrefix(strings.ToLower(name), strings.ToLower(wanted[:n])) {
				out = append(out, name)
				found[name] = false
			}
		}
	}
	return out
}
