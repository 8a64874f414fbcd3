package office

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/gvc-brussels/anpr/pipeline/office/access"
	"github.com/gvc-brussels/anpr/schemas"
)

// UserLimits bound one person's use over all offices. A zero field means the number in brackets.
type UserLimits struct {
	PerSecond     float64 // requests, with bursts twice as large [20]
	Queries       int     // at a time [2]
	PlatesHour    int     // distinct plates asked for in an hour [60]
	RowsDay       int     // rows shown on a Brussels day [5000]; a second person releases as many again
	PatternKnown  int     // known characters in a pattern without a second person [4]
	PatternDays   int     // days in such a pattern's window [7]
	CameraMinutes int     // minutes in a view of all reads by a camera, without a second person [60]
}

func (l *UserLimits) setDefaults() {
	for _, d := range []struct {
		value *int
		most  int
	}{{&l.Queries, 2}, {&l.PlatesHour, 60}, {&l.RowsDay, 5000}, {&l.PatternKnown, 4}, {&l.PatternDays, 7}, {&l.CameraMinutes, 60}} {
		if *d.value <= 0 {
			*d.value = d.most
		}
	}
	if l.PerSecond <= 0 {
		l.PerSecond = 20
	}
}

// Names of limits, as counted.
const (
	limitRequests = "requests"
	limitQueries  = "queries"
	limitPlates   = "plates"
	limitRows     = "rows"
)

func limitNames() []string { return []string{limitRequests, limitQueries, limitPlates, limitRows} }

// reachedLimit is a limit that a user reached.
type reachedLimit struct {
	limit  string
	detail string
	until  time.Time
}

// refuseQuota logs and counts a reached limit, and returns the answer.
func (o *Office) refuseQuota(ctx context.Context, ask access.Request, q *reachedLimit) error {
	o.cfg.Metrics.Quotas.WithLabelValues(q.limit).Inc()
	if err := o.refuseLookup(ctx, access.NewRefusal(signedIn(ctx).User, ask, access.CodeQuota, "", q.detail), string(ask.Purpose)); !isRefusal(err) {
		return err
	}
	p := newProblem(http.StatusTooManyRequests, access.CodeQuota, q.detail)
	if !q.until.IsZero() {
		until := q.until.UTC()
		p.Until = &until
	}
	return p
}

// takePlates charges the look-up's plates to the user's hour.
func (o *Office) takePlates(ctx context.Context, user string, plates []string) (*reachedLimit, error) {
	keys := make([][]byte, 0, len(plates))
	for _, p := range plates {
		keys = append(keys, hashKeyed(o.pseudonyms.sums, "plate asked "+p))
	}
	slices.SortFunc(keys, slices.Compare)
	keys = slices.CompactFunc(keys, slices.Equal)
	ok, until, err := o.people.AskPlates(ctx, user, keys, o.cfg.Limits.PlatesHour)
	if err != nil || ok {
		return nil, err
	}
	at := ""
	if !until.IsZero() {
		at = fmt.Sprintf("; the next place is free at %s", schemas.MicrosOf(until).Local().Format("15:04:05"))
	}
	return &reachedLimit{limitPlates, fmt.Sprintf("one person may ask for %d different plates an hour%s", o.cfg.Limits.PlatesHour, at), until}, nil
}

// leftRows returns the number of rows that the user may still see today. At zero, leftRows returns the reached limit.
func (o *Office) leftRows(ctx context.Context, user string) (int, *reachedLimit, error) {
	left, until, err := o.people.RowsLeft(ctx, user, int64(o.cfg.Limits.RowsDay))
	if err != nil || left > 0 {
		return int(left), nil, err
	}
	return 0, o.rowsQuota(until), nil
}

func (o *Office) rowsQuota(until time.Time) *reachedLimit {
	return &reachedLimit{limitRows, fmt.Sprintf("one person is shown %d rows a day; a second person may release more (POST /v1/approvals with kind rows)", o.cfg.Limits.RowsDay), until}
}

// slotTime is added to a query's own time bound. A killed office's slot becomes free after both.
const slotTime = 10 * time.Second

// takeSlot takes one of the user's places for concurrent queries.
func (o *Office) takeSlot(ctx context.Context, user string) (release func(), q *reachedLimit, err error) {
	release, ok, err := o.people.TakeSlot(ctx, user, o.cfg.Limits.Queries, o.cfg.QueryTime+slotTime)
	if err == nil && !ok {
		q = &reachedLimit{limitQueries, fmt.Sprintf("one person may have %d queries at a time: wait until one has its answer", o.cfg.Limits.Queries), time.Now().Add(time.Second)}
	}
	return release, q, err
}
