package feed

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cespare/xxhash/v2"
	"github.com/rs/zerolog"
	"github.com/segmentio/kafka-go"
	"google.golang.org/protobuf/proto"

	"github.com/gvc-brussels/anpr/pipeline/cases"
	"github.com/gvc-brussels/anpr/pipeline/platform"
	"github.com/gvc-brussels/anpr/schemas"
	"github.com/gvc-brussels/anpr/schemas/proto/anprv1"
)

// Waiting is the outbox of the cases: [store.Store].
type Waiting interface {
	Outbox(ctx context.Context, limit int) ([]cases.Review, error)
	Published(ctx context.Context, events []cases.ID) error
}

// Outbox publishes events of cases on anpr.reviews.v1, keyed by case. An event leaves the outbox after the broker has
// acknowledged it, so it is published once or more, in order for each case.
type Outbox struct {
	Cases   Waiting
	Kafka   platform.Kafka
	Idle    time.Duration // pause when nothing waits; 0 = 250 ms
	Metrics *Metrics
	Log     zerolog.Logger

	client     *kafka.Client
	partitions int32 // 0 = not asked yet
}

// publishAtOnce is the largest number of events of a round.
const publishAtOnce = 500

// Run publishes until ctx ends.
func (o *Outbox) Run(ctx context.Context) {
	transport := o.Kafka.Transport("anpr-cases")
	defer transport.CloseIdleConnections()
	o.client = &kafka.Client{Addr: kafka.TCP(o.Kafka.Brokers()...), Timeout: 10 * time.Second, Transport: transport}
	if o.Idle == 0 {
		o.Idle = 250 * time.Millisecond
	}
	part := NewPart(PartOutbox, o.Metrics, o.Log)
	for ctx.Err() == nil {
		n := 0
		err := retry(ctx, part, nil, func(ctx context.Context) (err error) {
			n, err = o.publishRound(ctx)
			return err
		})
		if err == nil && n < publishAtOnce {
			pauseFor(ctx, o.Idle)
		}
	}
}

// publishRound publishes what waits, at most publishAtOnce events. After an error the partitions are asked for again.
func (o *Outbox) publishRound(ctx context.Context) (n int, err error) {
	waiting, err := o.Cases.Outbox(ctx, publishAtOnce)
	if err != nil || len(waiting) == 0 {
		return 0, err
	}
	if o.partitions == 0 {
		if o.partitions, err = o.countPartitions(ctx); err != nil {
			return 0, err
		}
	}
	byPartition := make([][]*cases.Review, o.partitions)
	for i := range waiting {
		p := partitionOf(waiting[i].Case, o.partitions)
		byPartition[p] = append(byPartition[p], &waiting[i])
	}
	var errs []error
	for p, events := range byPartition {
		if len(events) == 0 {
			continue
		}
		if err := o.publish(ctx, int32(p), events); err != nil {
			o.partitions = 0
			errs = append(errs, err)
			continue
		}
		n += len(events)
	}
	return n, errors.Join(errs...)
}

// partitionOf returns the partition of a case.
func partitionOf(id cases.ID, partitions int32) int32 {
	return int32(xxhash.Sum64(id.ID[:]) % uint64(partitions))
}

func (o *Outbox) countPartitions(ctx context.Context) (int32, error) {
	admin := o.Kafka.NewAdmin("anpr-cases")
	defer admin.Close()
	ids, err := admin.Partitions(ctx, schemas.TopicReviews)
	if errors.Is(err, platform.ErrNoTopic) {
		err = fmt.Errorf("%w; create the topics (deploy/kafka/topics.sh)", err)
	}
	return int32(len(ids)), err
}

// publish publishes events in order and takes them out of the outbox.
func (o *Outbox) publish(ctx context.Context, partition int32, events []*cases.Review) error {
	records := make([]kafka.Record, len(events))
	ids := make([]cases.ID, len(events))
	for i, e := range events {
		value, err := proto.Marshal(reviewMessage(e))
		if err != nil {
			panic("BUG: a review must marshal: " + err.Error())
		}
		records[i] = kafka.Record{Time: time.Now(), Key: kafka.NewBytes(e.Case.ID[:]), Value: kafka.NewBytes(value)}
		ids[i] = e.Event
	}
	resp, err := o.client.Produce(ctx, &kafka.ProduceRequest{
		Topic: schemas.TopicReviews, Partition: int(partition), RequiredAcks: kafka.RequireAll, Records: kafka.NewRecordReader(records...),
	})
	if err == nil {
		err = resp.Error
	}
	if err != nil {
		return fmt.Errorf("publish events of cases on %s/%d: %w", schemas.TopicReviews, partition, err)
	}
	o.Metrics.Published.Add(float64(len(events)))
	return o.Cases.Published(ctx, ids)
}

// reviewMessage makes the message of an event.
func reviewMessage(r *cases.Review) *anprv1.Review {
	m := &anprv1.Review{
		EventId: r.Event.ID[:], CaseId: r.Case.ID[:], Attempt: uint32(r.Attempt), N: r.N, Kind: string(r.Kind), FromState: string(r.From), ToState: string(r.To),
		SettlesTo: string(r.SettlesTo), RecordedAtUs: int64(r.RecordedAt), EffectiveAtUs: int64(r.EffectiveAt), User: r.User, Role: string(r.Role),
		Verdict: string(r.Verdict), Reason: r.Reason, Triggers: r.Triggers, Incident: string(r.Incident), Checks: r.Checks, ShownMs: uint32(max(0, r.ShownMS)),
		Input: string(r.Input), CatalogueVersion: r.Catalogue, ReferenceVersion: r.Reference, Family: string(r.Family), Rule: string(r.Rule),
		Regime: string(r.Regime), Track: string(r.Track), Zone: r.Zone, Municipality: r.Municipality, CameraId: r.Camera, CapturedAtUs: int64(r.CapturedAt),
		DueAtUs: int64(r.DueAt), PlateChanged: r.PlateChanged, PurposeId: r.Purpose, LogSeq: r.LogSeq,
	}
	for _, sum := range r.Pictures {
		m.PicturesSha256 = append(m.PicturesSha256, []byte(sum))
	}
	return m
}
