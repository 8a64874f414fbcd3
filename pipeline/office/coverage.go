package office

import (
	"context"
	"time"

	"github.com/gvc-brussels/anpr/pipeline/office/access"
	"github.com/gvc-brussels/anpr/pipeline/office/query"
)

// Coverage tells how complete an answer's data are. Unknown values are absent.
type Coverage struct {
	CompleteUntil *time.Time `json:"complete_until,omitempty" doc:"everything that was received before is in the tables: the least of all partitions"`
	LagSeconds    *int64     `json:"lag_s,omitempty" doc:"seconds from then to now"`
	Rejected      *uint64    `json:"rejected,omitempty" doc:"records of these cameras that were rejected in the window"`
}

// findCoverage measures how complete the data in the permit's window are.
func (o *Office) findCoverage(ctx context.Context, p access.Permit, cameras []string) (*Coverage, error) {
	out, err := o.findProgress(ctx, p)
	if err != nil {
		return nil, err
	}
	st, err := query.Rejected(p, cameras)
	if err != nil {
		return nil, err
	}
	var counts []struct {
		Count uint64 `ch:"count"`
	}
	if err := o.selectRows(ctx, &counts, st); err != nil {
		return nil, err
	}
	if len(counts) == 1 {
		out.Rejected = &counts[0].Count
	}
	return out, nil
}

// findProgress measures until when everything that was received is in the tables.
func (o *Office) findProgress(ctx context.Context, p access.Permit) (*Coverage, error) {
	out := &Coverage{}
	st, err := query.Progresses(p)
	if err != nil {
		return nil, err
	}
	var partitions []query.PartitionProgress
	if err := o.selectRows(ctx, &partitions, st); err != nil {
		return nil, err
	}
	for _, part := range partitions {
		if until := part.Until.UTC(); out.CompleteUntil == nil || until.Before(*out.CompleteUntil) {
			out.CompleteUntil = &until
		}
	}
	if out.CompleteUntil != nil {
		lag := max(int64(o.cfg.Now().Sub(*out.CompleteUntil)/time.Second), 0)
		out.LagSeconds = &lag
	}
	return out, nil
}
