package roles

import (
	"context"

	"github.com/gvc-brussels/anpr/pipeline/assurance/reconcile"
	"github.com/gvc-brussels/anpr/pipeline/assurance/recovery"
	"github.com/gvc-brussels/anpr/pipeline/ingest/sink"
	"github.com/gvc-brussels/anpr/pipeline/ingest/source"
	"github.com/gvc-brussels/anpr/pipeline/platform"
	"github.com/gvc-brussels/anpr/schemas"
)

// NewGiveUp completes a request to give records up. Tables are asked and records are fetched as a worker does.
func NewGiveUp(k platform.Kafka, b *reconcile.Sources, wish recovery.GiveUp) (*recovery.GiveUp, *sink.StoredState) {
	state := sink.NewStoredState(b.DB)
	wish.State = state
	wish.Probe = func(ctx context.Context, partition int32, offset int64) (int, error) {
		return source.Probe(ctx, source.Config{Brokers: k.Brokers(), Topic: schemas.TopicReads, ClientID: "anpr-partition", Dial: k.Dialer()}, partition, offset)
	}
	return &wish, state
}

// AskStandings returns the progress of every partition.
func AskStandings(ctx context.Context, b *reconcile.Sources) ([]recovery.Standing, error) {
	return recovery.AskStandings(ctx, b, sink.NewStoredState(b.DB))
}
