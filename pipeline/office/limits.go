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

// Limits bound what one person takes, over all offices. The zero value of each is the number in brackets.
type Limits struct {
	PerSecond     float64 // requests, with bursts of twice as many [20]
	Queries       int     // at a time [2]
	PlatesHour    int     // distinct plates asked for [60]
	RowsDay       int     // rows disclosed on a Brussels day [5000]; a second person releases as many again
	PatternKnown  int     // known characters of a pattern that needs no second person [4]
	PatternDays   int     // days of its window [7]
	CameraMinutes int     // minutes of a view of everything that cameras saw, without a second person [60]
}

func (l *Limits) setDefaults() {
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

// Limits that were reached, as counted.
const (
	limitRequests = "requests"
	limitQueries  = "queries"
	limitPlates   = "plates"
	limitRows     = "rows"
)

func limitNames() []string { return []string{limitRequests, limitQueries, limitPlates, limitRows} }

// reachedLimit is a limit that was reached.
type reachedLimit struct {
	limit  string
	detail string
	until  time.Time
}

// refuseQuota logs that a user reached a limit, counts it and returns the answer.
func (o *Office) refuseQuota(ctx context.Context, ask access.Request, q *reachedLimit) error {
	o.cfg.Metrics.Quotas.WithLabelValues(q.limit).Inc()
	if err := o.refuse(ctx, access.NewRefusal(signedIn(ctx).User, ask, access.CodeQuota, "", q.detail), string(ask.Purpose)); !isRefusal(err) {
		return err
	}
	p := newProblem(http.StatusTooManyRequests, access.CodeQuota, q.detail)
	if !q.until.IsZero() {
		until := q.until.UTC()
		p.Until = &until
	}
	return p
}

// takePlates counts the plates that a look-up asks for.
func (o *Office) takePlates(ctx context.Context, user string, plates []string) (*reachedLimit, error) {
	keys := make([][]byte, 0, len(plates))
	for _, p := range plates {
		keys = append(keys, keyed(o.pseudonyms.sums, "plate asked "+p))
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

// leftRows returns how many rows the user may still be shown today; none left is a quota.
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

// slotTime bounds a query's slot beyond the time that the query itself may take: a killed office gives it up after that.
const slotTime = 10 * time.Second

// takeSlot takes a place for a query.
func (o *Office) takeSlot(ctx context.Context, user string) (release func(), q *reachedLimit, err error) {
	release, ok, err := o.people.TakeSlot(ctx, user, o.cfg.Limits.Queries, o.cfg.QueryTime+slotTime)
	if err == nil && !ok {
		q = &reachedLimit{limitQueries, fmt.Sprintf("one person may have %d queries at a time: wait until one has its answer", o.cfg.Limits.Queries), time.Now().Add(time.Second)}
	}
	return release, q, err
}
