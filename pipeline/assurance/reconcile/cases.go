package reconcile

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/gvc-brussels/anpr/schemas"
)

// CaseBook is the cases that offences become. pipeline/roles hands it in.
type CaseBook interface {
	// Missing returns those of the offences that are no case.
	Missing(ctx context.Context, offences []schemas.OffenceID) ([]schemas.OffenceID, error)
	// CountCases counts in one snapshot. Reviews stays 0.
	CountCases(ctx context.Context) (CaseCounts, error)
	// Close ends the connections.
	Close()
}

// CaseCounts are the numbers of all cases, whatever the time range. Without a residual Cases = Offences + Attempts = the
// sum of ByState, Versions = Events, Events = Outbox + Reviews, and Kept = 0.
type CaseCounts struct {
	Cases    int64            `json:"cases"`
	Offences int64            `json:"distinct_offences"`
	Attempts int64            `json:"attempts"` // cases beyond the first of an offence
	ByState  map[string]int64 `json:"by_state"`
	Versions int64            `json:"versions"` // sum of the versions of the cases
	Events   int64            `json:"events"`
	Outbox   int64            `json:"outbox"`  // events that wait for publication
	Reviews  int64            `json:"reviews"` // distinct events in the table reviews
	Kept     int64            `json:"kept"`    // by how much the counts that are kept of the work differ from the cases
}

// Unbalanced returns the number by which the cases do not add up.
func (c *CaseCounts) Unbalanced() int64 {
	var states int64
	for _, n := range c.ByState {
		states += n
	}
	return distance(c.Cases, c.Offences+c.Attempts) + distance(c.Cases, states) + distance(c.Versions, c.Events) + c.Kept
}

func distance(a, b int64) int64 { return max(a-b, b-a) }

// compareCases compares the offences that were written to the topic since the beginning of the time range with the cases,
// whenever they were captured, and the cases with themselves and with the reviews.
func (r *reconciliation) compareCases(ctx context.Context, onTopic map[string]fact) error {
	b := r.b
	if b.Cases == nil {
		return nil
	}
	caught, err := r.waitForGroup(ctx, b.CasesGroup, schemas.TopicOffences)
	if err != nil {
		return err
	}
	counts, err := b.Cases.CountCases(ctx)
	if err != nil {
		r.rep.addUnknown("cases: %v", err)
		return nil
	}
	r.rep.Cases = &counts
	if err := r.findCases(ctx, onTopic, caught); err != nil {
		return err
	}
	if n := counts.Unbalanced(); n > 0 {
		r.rep.addResiduals(CasesUnbalanced, uint64(n), "cases, distinct offences, attempts, states, events and kept counts do not add up")
	}
	return r.compareReviews(ctx, &counts)
}

// findCases adds the offences on the topic that are no case.
func (r *reconciliation) findCases(ctx context.Context, onTopic map[string]fact, caught bool) error {
	var left []schemas.OffenceID
	for chunk := range slices.Chunk(slices.Sorted(maps.Keys(onTopic)), 10_000) {
		ids := make([]schemas.OffenceID, 0, len(chunk))
		for _, text := range chunk {
			if id, err := schemas.ParseID(text); err == nil {
				ids = append(ids, schemas.OffenceID{ID: id})
			}
		}
		some, err := r.b.Cases.Missing(ctx, ids)
		if err != nil {
			r.rep.addUnknown("cases: %v", err)
			return nil
		}
		left = append(left, some...)
	}
	if len(left) > 0 && !caught {
		r.rep.addUnknown("cases: %d offences are on the topic and no case yet; the intake has not committed what is on the topic", len(left))
		return nil
	}
	for _, id := range left {
		r.rep.addResidual(OffWithoutCase, onTopic[id.String()].cell, -1, -1, id.String())
	}
	return nil
}

// compareReviews compares the events that were published before the count with the table.
func (r *reconciliation) compareReviews(ctx context.Context, counts *CaseCounts) error {
	caught, err := r.waitForGroup(ctx, r.b.ReviewsGroup, schemas.TopicReviews)
	if err != nil {
		return err
	}
	var stored uint64
	if err := r.b.DB.QueryRow(ctx, "SELECT uniqExact(event_id) FROM reviews").Scan(&stored); err != nil {
		return fmt.Errorf("count the reviews: %w", err)
	}
	counts.Reviews = int64(stored)
	switch missing := counts.Events - counts.Outbox - counts.Reviews; {
	case missing <= 0: // events that came meanwhile are stored too
	case !caught:
		r.rep.addUnknown("cases: %d published events are not in the table reviews yet; its consumer has not committed what is on the topic", missing)
	default:
		r.rep.addResiduals(EventUnstored, uint64(missing), "published events of cases that the table reviews lacks")
	}
	return nil
}

// waitForGroup waits, at most Settle, until the group has committed what is on the topic.
func (r *reconciliation) waitForGroup(ctx context.Context, group, topic string) (caught bool, err error) {
	deadline := time.Now().Add(r.b.Settle)
	for {
		lag, err := r.b.Log.Lag(ctx, group, topic)
		if err != nil || lag == 0 || !time.Now().Before(deadline) {
			return lag == 0, err
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
			return false, ctx.Err()
		}
	}
}

// addResiduals adds a number of residuals without a place.
func (r *AccountReport) addResiduals(kind ResidualKind, n uint64, detail string) {
	it := r.addResidual(kind, Cell{}, -1, -1, "")
	it.Detail = detail
	it.Count += n - 1
	r.ByKind[kind] += n - 1
	r.countsOf(Cell{}).Residual += n - 1
}

// String says the counts for people.
func (c *CaseCounts) String() string {
	var states []string
	for _, s := range slices.Sorted(maps.Keys(c.ByState)) {
		if n := c.ByState[s]; n > 0 {
			states = append(states, fmt.Sprintf("%s %d", s, n))
		}
	}
	return fmt.Sprintf("%d = distinct offences %d + attempts %d; %s; events %d = reviews %d + outbox %d",
		c.Cases, c.Offences, c.Attempts, strings.Join(states, ", "), c.Events, c.Reviews, c.Outbox)
}
