package office

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/gvc-brussels/anpr/pipeline/office/access"
	"github.com/gvc-brussels/anpr/pipeline/office/query"
	"github.com/gvc-brussels/anpr/schemas"
)

// DashboardQuery asks for counts of reads and hits. The answer shows no plate and needs no reason.
type DashboardQuery struct {
	TimeRange
	By string `query:"by" enum:"hour,day" default:"hour" doc:"hour, or Brussels calendar day."`
}

// ReadCount counts reads in a police zone within an hour or day.
type ReadCount struct {
	From  time.Time `json:"from"`
	Zone  string    `json:"zone"`
	Count uint64    `json:"count"`
}

// DashboardAnswer counts reads stored for the user's zones, in the window's whole hours.
type DashboardAnswer struct {
	Scope Scope            `json:"scope"`
	Reads []ReadCount      `json:"reads"`
	Total uint64           `json:"total_reads"`
	Hits  []query.HitCount `json:"hits" doc:"in the window as asked for"`
}

func (o *Office) showDashboard(ctx context.Context, in *DashboardQuery) (*DashboardAnswer, error) {
	switch {
	case in.From.IsZero() || in.To.IsZero():
		return nil, newInvalid("from", "and to must be given: a dashboard is of a window")
	case in.To.Sub(in.From) > query.MaxDashboardHours*time.Hour:
		return nil, newInvalid("from", "and to may be 31 days apart at most")
	case !in.From.Truncate(time.Hour).Equal(in.From) || !in.To.Truncate(time.Hour).Equal(in.To):
		return nil, newInvalid("from", "and to must be whole hours")
	}
	l := lookup{route: access.RouteDashboard, window: in.TimeRange, asked: in.addWindow(map[string]any{"by": in.By})}
	return askFor(ctx, o, l, func(p access.Permit, _ int) (*DashboardAnswer, answered, error) {
		st, err := query.Hours(p)
		if err != nil {
			return nil, answered{}, err
		}
		var hours []query.HourCount
		if err := o.selectRows(ctx, &hours, st); err != nil {
			return nil, answered{}, err
		}
		if st, err = query.HitCounts(p); err != nil {
			return nil, answered{}, err
		}
		out := &DashboardAnswer{Scope: scopeOf(p), Reads: []ReadCount{}, Hits: []query.HitCount{}}
		if err := o.selectRows(ctx, &out.Hits, st); err != nil {
			return nil, answered{}, err
		}
		out.addHours(hours, in.By == "day")
		return out, answered{}, nil
	})
}

// addHours adds the hours, or their sums by Brussels day.
func (a *DashboardAnswer) addHours(hours []query.HourCount, byDay bool) {
	at := map[ReadCount]int{}
	for _, h := range hours {
		c := ReadCount{From: h.Hour.UTC(), Zone: h.Zone}
		if byDay {
			c.From = schemas.MicrosOf(h.Hour).Day().Start().Time()
		}
		i, ok := at[c]
		if !ok {
			i = len(a.Reads)
			at[c] = i
			a.Reads = append(a.Reads, c)
		}
		a.Reads[i].Count += h.Count
		a.Total += h.Count
	}
	slices.SortFunc(a.Reads, func(x, y ReadCount) int { return cmp.Or(x.From.Compare(y.From), cmp.Compare(x.Zone, y.Zone)) })
}
