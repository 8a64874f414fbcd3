package office

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/gvc-brussels/anpr/pipeline/cases"
	"github.com/gvc-brussels/anpr/pipeline/office/access"
	"github.com/gvc-brussels/anpr/pipeline/office/query"
	"github.com/gvc-brussels/anpr/schemas"
)

// Bounds of what an item takes from the table of reads.
const (
	readingTime     = 2 * time.Second // items wait no longer for tables that do not answer
	maxAlternatives = 5
)

// addReadings adds to items what the camera wrote and what else it considered. The tables have both, the case has not;
// without an answer of the tables the items are complete but for them.
func (o *Office) addReadings(ctx context.Context, p access.Permit, leased []cases.Leased, items []Item) error {
	var keys []query.ReadKey
	for i := range leased {
		if items[i].Plate != nil {
			c := &leased[i].Case
			keys = append(keys, query.ReadKey{Read: c.Read, Plate: c.Plate, At: c.CapturedAt})
		}
	}
	if len(keys) == 0 {
		return nil
	}
	st, err := query.Readings(p, keys)
	if err != nil {
		return err
	}
	limited, cancel := context.WithTimeout(ctx, readingTime)
	defer cancel()
	var found []query.Reading
	err = o.selectRows(limited, &found, st)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, query.ErrDatabase), errors.Is(err, query.ErrTooSlow), errors.Is(err, context.DeadlineExceeded):
		o.cfg.Logger.Warn().Msg("items without what the camera wrote: the tables did not answer")
		return nil
	case err != nil:
		return err
	}
	for i := range items {
		if n := slices.IndexFunc(found, func(r query.Reading) bool { return r.ReadID == leased[i].Case.Read }); n >= 0 && items[i].Plate != nil {
			items[i].Plate.addReading(&found[n])
		}
	}
	return nil
}

// addReading adds what the camera wrote and the other readings.
func (p *ItemPlate) addReading(r *query.Reading) {
	p.Raw = r.RawPlate
	for _, text := range r.Alternatives {
		if text != p.Text && text != "" && len(p.Alternatives) < maxAlternatives && !slices.Contains(p.Alternatives, text) {
			p.Alternatives = append(p.Alternatives, text)
		}
	}
}

// platesOfItem lists the plates that an item shows beside those of its case.
func platesOfItem(item *Item) (out []string) {
	if item.Plate == nil {
		return nil
	}
	for _, text := range item.Plate.Alternatives {
		if plate, ok := schemas.PlateFrom(text); ok {
			out = append(out, plate.String())
		}
	}
	return out
}
