package lookups

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/gvc-brussels/anpr/pipeline/office"
	"github.com/gvc-brussels/anpr/pipeline/office/query"
	"github.com/gvc-brussels/anpr/schemas"
)

// RetroResult is the result of a new list's retro-match against all stored reads (target T9).
type RetroResult struct {
	Name    string        `json:"name"`
	Entries int           `json:"entries"`
	Matches int           `json:"matches"` // a row for each entry whose plate was read
	Reads   uint64        `json:"reads"`   // among these plates
	Took    time.Duration `json:"took_ns"` // from request to decoded answer
}

// Retro matches a list of entries. Half the plates drove, drawn as often as they drive; no vehicle in the city has the
// other half. seed chooses the plates, so no list is asked for twice.
func (b *Bench) Retro(ctx context.Context, name string, entries int, seed uint64) (RetroResult, error) {
	r := rand.New(rand.NewPCG(b.cfg.Seed, seed)) //nolint:gosec // repeatable on purpose
	list := make([]query.RetroEntry, entries)
	listed := map[schemas.Plate]bool{}
	for i := range list {
		p := schemas.MustPlate(fmt.Sprintf("9ZZ%c%03d", 'A'+byte(i/2%26), i/52%1000))
		for i%2 == 0 {
			if p = b.plates[r.IntN(len(b.plates))]; !listed[p] {
				break
			}
			if len(listed) == len(b.plates) {
				return RetroResult{}, fmt.Errorf("a list of %d entries: the bench knows %d plates", entries, len(b.plates))
			}
		}
		listed[p] = true
		list[i] = query.RetroEntry{ID: fmt.Sprintf("retro-%d", i), Plate: p.String()}
	}
	u := &user{Bench: b, account: b.users[0], r: r} // a prosecutor: sees all zones
	in := office.RetroQuery{Justification: u.newJustification(), TimeRange: u.wholeYear(), Entries: list}
	began := time.Now()
	a, err := u.officeClient(u.token).RetroMatches(ctx, in)
	if err != nil {
		return RetroResult{}, fmt.Errorf("retro-match: %w", err)
	}
	out := RetroResult{Name: name, Entries: entries, Matches: len(a.Matches), Took: time.Since(began)}
	for i := range a.Matches {
		out.Reads += a.Matches[i].Reads
	}
	return out, nil
}
