package roles

import (
	"context"
	"time"

	"github.com/gvc-brussels/anpr/pipeline/assurance/recovery"
	"github.com/gvc-brussels/anpr/pipeline/cases/feed"
	"github.com/gvc-brussels/anpr/pipeline/ingest"
	"github.com/gvc-brussels/anpr/pipeline/platform"
	"github.com/gvc-brussels/anpr/pipeline/platform/embedded"
	"github.com/gvc-brussels/anpr/schemas"
)

// trimEvery is the interval at which the embedded log is trimmed to the limits.
const trimEvery = time.Minute

// startRetention logs the limits of the embedded log and enforces them until the machine stops. Without limits
// nothing happens.
func (m *Machine) startRetention(ctx context.Context) {
	limits := m.Config.Limits
	if limits == (embedded.Limits{}) {
		return
	}
	m.Config.Log.Info().Float64("days", limits.Age.Hours()/24).Int64("bytes", limits.Bytes).Int64("batches", limits.Batches).
		Msg("the log is kept up to these limits (--log-days, --log-bytes, --log-batches); further back only backups reach: anpr backup")
	metrics := embedded.NewLogMetrics(m.Ops.Registry, limits)
	run, cancel := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(trimEvery)
		defer tick.Stop()
		for {
			if err := m.trimLog(run, limits, metrics); err != nil && run.Err() == nil {
				m.Config.Log.Error().Err(err).Msg("the log was not held to its limits; trying again in a minute")
			}
			select {
			case <-tick.C:
			case <-run.Done():
				return
			}
		}
	}()
	m.parts.Push("log limits", func(context.Context) error { cancel(); <-done; return nil })
}

func (m *Machine) trimLog(ctx context.Context, limits embedded.Limits, gauges *embedded.LogMetrics) error {
	ctx, cancel := context.WithTimeout(ctx, trimEvery/2)
	defer cancel()
	need, err := m.neededOffsets(ctx)
	if err != nil {
		return err
	}
	use, err := m.Engines.broker.TrimLog(ctx, limits, need, time.Now())
	if err != nil {
		return err
	}
	gauges.SetUse(use, time.Now())
	if use.Dropped > 0 {
		m.Config.Log.Info().Int64("bytes", use.Dropped).Time("oldest", use.Oldest).Msg("the oldest records left the log")
	}
	return nil
}

// neededOffsets returns the first offset of each partition that the pipeline may read again, and of offences and reviews
// what did not become a case or a row yet. A take-over rebuilds
// state from the rewind in the committed plan. The group of a running restore counts too. Before the first commit
// every record is needed.
func (m *Machine) neededOffsets(ctx context.Context) (embedded.Need, error) {
	l := m.Engines.Kafka().NewAdmin("anpr")
	defer l.Close()
	ids, err := l.Partitions(ctx, schemas.TopicReads)
	if err != nil {
		return nil, err
	}
	need := map[int32]int64{}
	for _, group := range []string{m.Config.Ingest.Group, recovery.GroupOf(m.Config.Ingest.Group, m.Engines.Config.Database)} {
		commits, err := l.Commits(ctx, group, schemas.TopicReads, ids)
		if err != nil {
			return nil, err
		}
		for _, p := range ids {
			at := neededFrom(commits[p])
			if commits[p].Offset < 0 && group != m.Config.Ingest.Group {
				continue // no such restore
			}
			if first, ok := need[p]; !ok || at < first {
				need[p] = at
			}
		}
	}
	out := embedded.Need{schemas.TopicReads: need, schemas.TopicReference: {0: 0}} // the log is read again by all that was announced
	for topic, group := range map[string]string{schemas.TopicOffences: feed.IntakeGroup, schemas.TopicReviews: feed.ReviewsGroup} {
		if out[topic], err = uncommittedOffsets(ctx, l, group, topic); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// uncommittedOffsets returns the offsets from which a group has not committed a topic.
func uncommittedOffsets(ctx context.Context, l *platform.Admin, group, topic string) (map[int32]int64, error) {
	ids, err := l.Partitions(ctx, topic)
	if err != nil {
		return nil, err
	}
	commits, err := l.Commits(ctx, group, topic, ids)
	if err != nil {
		return nil, err
	}
	out := map[int32]int64{}
	for _, p := range ids {
		out[p] = max(0, commits[p].Offset)
	}
	return out, nil
}

// neededFrom returns the first offset that the next owner of a partition reads. An unreadable commit needs every
// record.
func neededFrom(c platform.GroupCommit) int64 {
	if c.Offset < 0 {
		return 0
	}
	plan, err := ingest.ParsePlan(c.Metadata, c.Offset)
	if err != nil {
		return 0
	}
	return min(plan.Rewind, plan.Start)
}
