package query

import (
	"context"
	"fmt"
	"time"

	"github.com/gvc-brussels/anpr/pipeline/office/access"
	"github.com/gvc-brussels/anpr/schemas"
)

// maxCandidates bounds the plates that a pattern is resolved to by name. The newest page needs few names (see
// resolvePlates). Only an old window needs more; then the server resolves the pattern, month by month.
const maxCandidates = 1000

// Time ranges to search at once, newest first: stepNamed for several named plates, stepAll for a pattern resolved by
// the server. Every month is a separate part for the server to open. The newest page seldom needs more than two
// months.
const (
	stepNamed = 62 * 24 * schemas.Hour
	stepAll   = 31 * 24 * schemas.Hour
	several   = 8 // plates
)

// Reads returns the newest reads for the page, without repeats. One more read shows that there is a next page.
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

// readRows selects like Reads, with a given number of rows.
func (f ReadFilter) readRows(p access.Permit, page Page, rows int) (Statement, error) {
	b := f.buildReads(p)
	b.whereAfter(page.After, afterRead)
	return b.finishNewest(rows)
}

// distinctReads runs a statement for the newest rows and drops repeats. If repeats leave the page short, distinctReads
// doubles the number of rows and runs again.
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

// resolvePlates replaces a pattern by the plates that can appear on the page. named is false when there are too many
// plates.
//
// Let the page need n rows and end at t. Among the plates last seen before t, take the n plates seen last. They have
// at least n reads before t, and all reads of other plates are older than these n reads. The page therefore needs only
// these n plates and all plates seen at t or later, and no read before the n-th plate's last read.
//
// With a filter on cameras or country, a plate's last read may not match, so all plates are needed. In any case, the
// page has no read at or after out.before.
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
		f.before = schemas.MicrosOf(endOfPage(p, page)) + 1 // +1: further reads may share the cursor's instant
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
	// The bound holds only if the n-th plate's last read is surely in the window: after the second in which the window
	// begins.
	if enough >= later+need && found[enough-1].Seen.After(p.From().Time()) && len(f.Cameras) == 0 && f.Country == "" {
		f.since = schemas.MicrosOf(found[enough-1].Seen)
	}
	f.plates = make([]string, enough)
	for i := range f.plates {
		f.plates[i] = found[i].Plate
	}
	return f, true, nil
}

// endOfPage returns the exclusive upper bound for the page's reads; zero = no bound.
func endOfPage(p access.Permit, page Page) (end time.Time) {
	if p.To() != 0 {
		end = p.To().Time()
	}
	if c := time.UnixMicro(page.After.at); page.After.key != "" && (end.IsZero() || c.Before(end)) {
		end = c
	}
	return end.UTC()
}

// searchBackwards searches from f.before back in steps, newest first, until the page is full. The filter should match
// plates that were seen, else the search runs through the whole window.
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
