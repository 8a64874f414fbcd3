package query

import (
	"context"
	"fmt"
	"time"

	"github.com/gvc-brussels/anpr/pipeline/office/access"
	"github.com/gvc-brussels/anpr/schemas"
)

// maxCandidates bounds the plates a pattern may be resolved to by name. The newest page needs few (see resolve); beyond it,
// which only a window that ends long ago needs, the server resolves the pattern itself, a month at a time.
const maxCandidates = 1000

// How much of the window is searched at once, newest first: of several plates by name, and of a pattern that the server
// resolves. Each month is a part of its own to be opened, and the newest page seldom needs more than two of them.
const (
	stepNamed = 62 * 24 * schemas.Hour
	stepAll   = 31 * 24 * schemas.Hour
	several   = 8 // plates
)

// Reads returns the newest reads of the page and one more when there is a next page, each once however often it is stored.
func (d *DB) Reads(ctx context.Context, p access.Permit, f ReadFilter, page Page) ([]Read, error) {
	need := page.rowLimit() + 1
	if !f.Plate.wide && !f.Plate.confusable {
		return d.distinctReads(ctx, need, func(rows int) (Statement, error) { return f.readRows(p, page, rows) })
	}
	f, named, err := d.resolvePlates(ctx, p, f, page)
	switch {
	case err != nil:
		return nil, err
	case !named:
		f.all = true
		return d.searchBackwards(ctx, p, f, page, stepAll, stepAll)
	case len(f.plates) == 0:
		return nil, nil
	case len(f.plates) >= several && f.since == 0:
		return d.searchBackwards(ctx, p, f, page, stepNamed, 12*stepNamed)
	}
	return d.distinctReads(ctx, need, func(rows int) (Statement, error) { return f.readRows(p, page, rows) })
}

// readRows asks like Reads, for another number of rows than the page has.
func (f ReadFilter) readRows(p access.Permit, page Page, rows int) (Statement, error) {
	b := f.buildReads(p)
	b.whereAfter(page.After, afterRead)
	return b.finishNewest(rows)
}

// distinctReads runs a statement that returns the newest rows and drops repeats. When there are so many that the page is not full, it
// asks for more.
func (d *DB) distinctReads(ctx context.Context, need int, build func(rows int) (Statement, error)) ([]Read, error) {
	for rows := need; rows <= need<<6; rows *= 2 {
		st, err := build(rows)
		if err != nil {
			return nil, err
		}
		var got []Read
		if err := d.Select(ctx, &got, st); err != nil {
			return nil, err
		}
		whole := len(got) < rows
		if got = dropRepeats(got); whole || len(got) >= need {
			return got[:min(need, len(got))], nil
		}
	}
	return nil, fmt.Errorf("%w: each read is stored more than 64 times", ErrDatabase)
}

func dropRepeats(rows []Read) []Read {
	seen := make(map[schemas.ReadID]struct{}, len(rows))
	out := rows[:0]
	for i := range rows {
		if _, again := seen[rows[i].ReadID]; !again {
			seen[rows[i].ReadID] = struct{}{}
			out = append(out, rows[i])
		}
	}
	return out
}

// resolvePlates replaces a pattern by the plates that can be on the page. Let n be the rows the page needs and t its end. Of the
// plates last seen before t, the n seen last have n reads before t among them, and every read of the others is older than
// those n. So these n, and all that were seen at t or later, are enough, and nothing older than the n-th of them is wanted.
// With a filter on cameras the last read may not count, so all plates are needed. named is false when there are too many.
// Either way no read of the page is at or after before.
func (d *DB) resolvePlates(ctx context.Context, p access.Permit, f ReadFilter, page Page) (out ReadFilter, named bool, err error) {
	need := page.rowLimit() + 1
	st, err := Plates(p, f.Plate, maxCandidates+need)
	if err != nil {
		return f, false, err
	}
	var found []seenPlate
	if err := d.Select(ctx, &found, st); err != nil {
		return f, false, err
	}
	end := endOfPage(p, page).Truncate(time.Second)
	later := 0
	for later < len(found) && !end.IsZero() && !found[later].Seen.Before(end) {
		later++
	}
	switch {
	case later == 0 && len(found) > 0:
		f.before = schemas.MicrosOf(found[0].Seen) + schemas.Second
	case later > 0:
		f.before = schemas.MicrosOf(endOfPage(p, page)) + 1 // a cursor's own instant may have more
	}
	enough := min(later+need, len(found))
	if len(f.Cameras) > 0 || f.Country != "" {
		enough = len(found)
	}
	if later > maxCandidates || (len(f.Cameras) > 0 || f.Country != "") && len(found) >= maxCandidates+need {
		return f, false, nil
	}
	for enough > 0 && enough < len(found) && found[enough].Seen.Equal(found[enough-1].Seen) {
		enough++
	}
	// The bound holds only if the n-th plate's last read is surely in the window: not in the second in which that begins.
	if enough >= later+need && found[enough-1].Seen.After(p.From().Time()) && len(f.Cameras) == 0 && f.Country == "" {
		f.since = schemas.MicrosOf(found[enough-1].Seen)
	}
	f.plates = make([]string, enough)
	for i := range f.plates {
		f.plates[i] = found[i].Plate
	}
	return f, true, nil
}

// endOfPage returns the instant before which the page's reads are; zero = open.
func endOfPage(p access.Permit, page Page) (end time.Time) {
	if p.To() != 0 {
		end = p.To().Time()
	}
	if c := time.UnixMicro(page.After.at); page.After.key != "" && (end.IsZero() || c.Before(end)) {
		end = c
	}
	return end.UTC()
}

// searchBackwards searches before f.before a step at a time, newest first, until the page is full. It is for a filter that a plate
// was seen for.
func (d *DB) searchBackwards(ctx context.Context, p access.Permit, f ReadFilter, page Page, first, then schemas.Micros) ([]Read, error) {
	need := page.rowLimit() + 1
	var out []Read
	for end, width := f.before, first; end > p.From() && len(out) < need; end, width = f.since, then {
		f.before, f.since = end, max(end-width, p.From())
		got, err := d.distinctReads(ctx, need-len(out), func(rows int) (Statement, error) { return f.readRows(p, page, rows) })
		if err != nil {
			return nil, err
		}
		out = append(out, got...)
	}
	return out, nil
}
