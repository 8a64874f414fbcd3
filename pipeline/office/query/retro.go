package query

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/gvc-brussels/anpr/pipeline/office/access"
	"github.com/gvc-brussels/anpr/schemas"
)

// MaxRetro bounds the entries in one retro-match.
const MaxRetro = 20_000

// RetroEntry is a list entry to match against earlier reads.
type RetroEntry struct {
	ID         string `json:"id" maxLength:"64" doc:"of the entry in its list"`
	Plate      string `json:"plate" maxLength:"64" doc:"one plate, no pattern"`
	Confusable bool   `json:"confusable,omitempty" doc:"also plates that cameras confuse with it: leads, never proof"`
}

// RetroMatch says how often a plate was read in the window, and where first and last. There is one match for each pair
// of entry and plate. To see the reads, a user needs a further look-up.
type RetroMatch struct {
	Entry       string    `json:"entry"`
	ListedPlate string    `json:"listed_plate"`
	Plate       string    `json:"plate" doc:"as read"`
	Match       string    `json:"match" enum:"exact,confusable"`
	Reads       uint64    `json:"reads"`
	FirstAt     time.Time `json:"first_at"`
	FirstCamera string    `json:"first_camera"`
	LastAt      time.Time `json:"last_at"`
	LastCamera  string    `json:"last_camera"`
	LastZone    string    `json:"last_zone"`
}

// retroRow sums up the reads of one plate.
type retroRow struct {
	Plate       string    `ch:"plate"`
	Reads       uint64    `ch:"n"`
	FirstAt     time.Time `ch:"first_at"`
	FirstCamera string    `ch:"first_camera"`
	LastAt      time.Time `ch:"last_at"`
	LastCamera  string    `ch:"last_camera"`
	LastZone    string    `ch:"last_zone"`
}

// Retro matches entries against the stored reads in the permit's scope. The entries are first matched against the
// distinct plates. Only plates found there are matched against the reads, in sort order.
//
// Matches are ordered by entry id and plate. Every entry must have passed [ParsePlateFilter].
func (d *DB) Retro(ctx context.Context, p access.Permit, entries []RetroEntry) ([]RetroMatch, error) {
	exact, classes := map[string][]int{}, map[string][]int{}
	for i := range entries {
		plate, err := ParsePlateFilter(entries[i].Plate, entries[i].Confusable)
		if err != nil || plate.wide || plate.IsZero() {
			return nil, &FilterError{Field: "plate", Detail: "must be one plate: retro-matches are not made by pattern"}
		}
		for _, form := range retroForms(plate) {
			exact[form] = append(exact[form], i)
		}
		if plate.confusable {
			classes[plate.classText()] = append(classes[plate.classText()], i)
		}
	}
	found, err := d.retroPlates(ctx, p, exact, classes)
	if err != nil || len(found) == 0 {
		return nil, err
	}
	st, err := retroReads(p, found)
	if err != nil {
		return nil, err
	}
	var rows []retroRow
	if err := d.Select(ctx, &rows, st); err != nil {
		return nil, err
	}
	var out []RetroMatch
	for i := range rows {
		r := &rows[i]
		for _, k := range exact[r.Plate] {
			kind := "exact"
			if plate, _ := ParsePlateFilter(entries[k].Plate, false); plate.text != r.Plate {
				kind = "confusable" // only one side has a boundary
			}
			out = append(out, r.matchEntry(&entries[k], kind))
		}
		for _, k := range classes[(PlateFilter{text: r.Plate}).classText()] {
			if !slices.Contains(exact[r.Plate], k) && !boundariesDiffer(entries[k].Plate, r.Plate) {
				out = append(out, r.matchEntry(&entries[k], "confusable"))
			}
		}
	}
	slices.SortFunc(out, func(a, b RetroMatch) int {
		if c := strings.Compare(a.Entry, b.Entry); c != 0 {
			return c
		}
		return strings.Compare(a.Plate, b.Plate)
	})
	return out, nil
}

// retroForms returns the forms of a listed plate: the plate, the plate with each possible boundary, and without a
// boundary.
func retroForms(p PlateFilter) []string {
	out := p.plateForms()
	if plate, ok := schemas.PlateFrom(p.text); ok && plate.Unbounded() != plate {
		out = append(out, plate.Unbounded().String())
	}
	return out
}

// boundariesDiffer reports whether a listed plate and a read plate have different boundaries: two different vehicles.
func boundariesDiffer(listed, read string) bool {
	plate, _ := ParsePlateFilter(listed, false)
	a, _ := schemas.PlateFrom(plate.text)
	b, _ := schemas.PlateFrom(read)
	return a.Contradicts(b)
}

func (r *retroRow) matchEntry(e *RetroEntry, kind string) RetroMatch {
	return RetroMatch{
		Entry: e.ID, ListedPlate: e.Plate, Plate: r.Plate, Match: kind, Reads: r.Reads, FirstAt: r.FirstAt, FirstCamera: r.FirstCamera,
		LastAt: r.LastAt, LastCamera: r.LastCamera, LastZone: r.LastZone,
	}
}

// retroPlates returns the requested plates that were seen in the scope.
func (d *DB) retroPlates(ctx context.Context, p access.Permit, exact, classes map[string][]int) ([]string, error) {
	b := newBuilder(p, &platesTable)
	b.whereLastSeen(p)
	if len(classes) == 0 {
		b.addCondition("plate IN {plates:Array(String)}", "plates", slices.Sorted(maps.Keys(exact)))
	} else {
		b.addCondition("(plate IN {plates:Array(String)} OR class IN {classes:Array(String)})", "plates", slices.Sorted(maps.Keys(exact)))
		b.params["classes"] = slices.Sorted(maps.Keys(classes))
	}
	// The sort key is (zone, class, plate): a condition on the classes bounds the rows to read.
	all := map[string]bool{}
	for plate := range exact {
		all[(PlateFilter{text: plate}).classText()] = true
	}
	b.addCondition("class IN {bound:Array(String)}", "bound", slices.Sorted(maps.Keys(all)))
	st, err := b.finishStatement(b.writeSelect("DISTINCT plate"), 64*MaxRetro)
	if err != nil {
		return nil, err
	}
	var rows []struct {
		Plate string `ch:"plate"`
	}
	if err := d.Select(ctx, &rows, st); err != nil {
		return nil, err
	}
	out := make([]string, len(rows))
	for i, r := range rows {
		out[i] = r.Plate
	}
	return out, nil
}

// retroReads sums up the reads of each plate. A read stored twice counts once.
func retroReads(p access.Permit, plates []string) (Statement, error) {
	b := newBuilder(p, &readsTable)
	if !p.ShowsPlates() {
		return Statement{}, errPermit
	}
	b.addCondition("plate IN {plates:Array(String)}", "plates", plates)
	sql := b.writeSelect(`plate, uniqExact(captured_at, camera_id) AS n, min(captured_at) AS first_at, argMin(camera_id, captured_at) AS first_camera,
		max(captured_at) AS last_at, argMax(camera_id, captured_at) AS last_camera, argMax(zone, captured_at) AS last_zone`) + " GROUP BY plate"
	return b.finishStatement(sql, len(plates))
}
