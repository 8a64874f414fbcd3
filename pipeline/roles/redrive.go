package roles

import (
	"context"
	"errors"
	"time"

	"github.com/rs/zerolog"

	"github.com/gvc-brussels/anpr/pipeline/assurance/recovery"
	"github.com/gvc-brussels/anpr/pipeline/gateway"
	"github.com/gvc-brussels/anpr/pipeline/platform"
	"github.com/gvc-brussels/anpr/schemas"
)

// RedriveConfig selects the dead letters that are put on the log again.
type RedriveConfig struct {
	Kafka    platform.Kafka
	Tables   platform.ClickHouse // asked for ids only
	Group    string              // the pipeline's consumer group
	Wanted   []recovery.LogPosition
	Receipts string        // directory for receipts; empty = none are kept
	Settle   time.Duration // longest wait for the pipeline to commit the records now on the log
	DryRun   bool          // report the records to send, and send none

	Log zerolog.Logger
}

// Redrive puts dead letters on the log again, byte for byte, and reports the fate of each. Redrive first waits until
// the tables show every stored read.
func Redrive(ctx context.Context, c RedriveConfig) (recovery.RedriveOutcome, error) {
	conn, err := c.Tables.Open()
	if err != nil {
		return recovery.RedriveOutcome{}, err
	}
	defer func() { _ = conn.Close() }()
	admin := c.Kafka.NewAdmin("anpr-rejects")
	defer admin.Close()
	if err := recovery.WaitCommitted(ctx, admin, c.Group, c.Settle); err != nil {
		return recovery.RedriveOutcome{}, err
	}
	letters, err := recovery.CollectLetters(ctx, admin, c.Wanted)
	if err != nil {
		return recovery.RedriveOutcome{}, err
	}
	partitions, err := countPartitions(ctx, c.Kafka)
	if err != nil {
		return recovery.RedriveOutcome{}, err
	}
	receipts, err := openReceipts(c.Receipts, gateway.NewMetrics(nil), platform.NewOps(), c.Log)
	if err != nil {
		return recovery.RedriveOutcome{}, err
	}
	producer := newProducer(c.Kafka, receipts)
	redrive := recovery.Redrive{
		Check: func(b []byte) (recovery.RecordRead, error) { return recovery.CheckRecord(b, partitions) },
		Known: func(ctx context.Context, reads []recovery.Outgoing) (map[schemas.ReadID]bool, error) {
			return recovery.KnownReads(ctx, conn, reads)
		},
		Send: func(ctx context.Context, out []recovery.Outgoing) error {
			return producer.Produce(ctx, gatewayRecords(out))
		},
	}
	out, err := redrive.Run(ctx, c.Wanted, letters, !c.DryRun)
	return out, errors.Join(err, producer.Close(), receipts.closeJournal())
}

func gatewayRecords(out []recovery.Outgoing) []gateway.Record {
	records := make([]gateway.Record, len(out))
	for i, o := range out {
		records[i] = gateway.Record{Key: o.Key, Value: o.Value, Partition: o.Partition, Time: time.Now(), Camera: o.Camera}
	}
	return records
}
