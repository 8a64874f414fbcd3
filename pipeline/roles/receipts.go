package roles

import (
	"fmt"
	"time"

	"github.com/rs/zerolog"

	"github.com/gvc-brussels/anpr/pipeline/assurance/reconcile"
	"github.com/gvc-brussels/anpr/pipeline/gateway"
	"github.com/gvc-brussels/anpr/pipeline/platform"
)

// receiptKeeper is a gateway's journal, or none.
type receiptKeeper struct {
	journal *reconcile.Journal
	metrics *gateway.Metrics
}

// openReceipts opens the journal and serves the receipts on the ops port.
func openReceipts(dir string, m *gateway.Metrics, o *platform.Ops, log zerolog.Logger) (*receiptKeeper, error) {
	if dir == "" {
		log.Warn().Msg("no directory for receipts: what the broker acknowledged is listed nowhere but on the log, and anpr reconcile cannot find a loss there; give one with --receipts")
		return &receiptKeeper{}, nil
	}
	log = log.Sample(&zerolog.BurstSampler{Burst: 5, Period: time.Minute})
	j, err := reconcile.OpenJournal(reconcile.JournalConfig{Dir: dir, Error: func(err error) {
		log.Error().Err(err).Msg("the journal of receipts was not written; check the disk of --receipts. Reads are accepted all the same")
	}})
	if err != nil {
		return nil, fmt.Errorf("%w; choose another directory with --receipts", err)
	}
	o.Handle("GET "+reconcile.ReceiptsPath, reconcile.ServeReceipts(dir))
	return &receiptKeeper{j, m}, nil
}

func (r *receiptKeeper) writeReceipts(acked []gateway.Receipt) {
	if r.journal == nil {
		return
	}
	list := make([]reconcile.JournalReceipt, len(acked))
	for i, a := range acked {
		list[i] = reconcile.JournalReceipt{Partition: a.Partition, Offset: a.Offset, Camera: a.Camera, At: a.Time, Sum: reconcile.SumOf(a.Value)}
	}
	if err := r.journal.Append(list); err != nil { // logged by the journal
		r.metrics.NoReceipt.Add(float64(len(list)))
	}
}

func (r *receiptKeeper) closeJournal() error {
	if r.journal == nil {
		return nil
	}
	return r.journal.Close()
}

// newProducer makes a producer of reads that turns acknowledged records into receipts.
func newProducer(k platform.Kafka, r *receiptKeeper) *gateway.KafkaProducer {
	return gateway.NewKafkaProducer(gateway.ProducerConfig{Brokers: k.Brokers(), Dial: k.Dialer(), Acked: r.writeReceipts})
}
