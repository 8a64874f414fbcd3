package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/rs/zerolog"

	"github.com/gvc-brussels/anpr/pipeline/assurance/reconcile"
	"github.com/gvc-brussels/anpr/pipeline/assurance/recovery"
	"github.com/gvc-brussels/anpr/pipeline/gateway"
	"github.com/gvc-brussels/anpr/pipeline/ingest/decode"
	"github.com/gvc-brussels/anpr/pipeline/ingest/normalise"
	"github.com/gvc-brussels/anpr/pipeline/office"
	"github.com/gvc-brussels/anpr/pipeline/platform"
	"github.com/gvc-brussels/anpr/pipeline/platform/embedded"
	"github.com/gvc-brussels/anpr/schemas"
)

// rejectsCmd works on the dead letters. What is asked of the office it asks as `anpr query` does, so that it is under the
// same law and in the same access log.
type rejectsCmd struct {
	Replay replayRejectsCmd `cmd:"" help:"Put rejected records on the log again, byte for byte, after their cause is mended (a camera registered, a validity corrected). Each ends as one read however often this is run. The office decides whether you may see them and logs who asked and why."`
}

type replayRejectsCmd struct {
	queryFlags
	asking
	clickhouseFlags
	brokerFlags
	Group        string        `help:"Consumer group of the pipeline." default:"anpr-ingest" env:"ANPR_GROUP"`
	RejectReason string        `help:"Only records rejected for this reason, for example unknown_camera." required:""`
	Camera       []string      `help:"Only these cameras."`
	Receipts     string        `help:"Directory for the receipts of what is sent, for anpr reconcile; one of its own, not a gateway's." type:"path" env:"ANPR_REPLAY_RECEIPTS"`
	Settle       time.Duration `help:"How long to wait until the pipeline has committed what is on the log now, which shows what is stored already." default:"60s"`
	DryRun       bool          `help:"Only say what would be sent."`
}

// Run replays. Exit code 0 also when nothing fits; the counts say why.
func (c *replayRejectsCmd) Run(ctx context.Context, log zerolog.Logger) error {
	if _, ok := schemas.ParseReason(c.RejectReason); !ok {
		return fmt.Errorf("no reject reason %q; `anpr query rejects` counts those there are", c.RejectReason)
	}
	run, err := c.find()
	if err != nil {
		return err
	}
	run.broker(&c.brokerFlags)
	run.tables(&c.clickhouseFlags, embedded.Reader)
	wanted, err := c.wanted(ctx)
	if err != nil {
		return err
	}
	cfg, err := c.clickhouseFlags.config(log, nil)
	if err != nil {
		return err
	}
	conn, err := cfg.Open()
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	if err := c.settled(ctx); err != nil {
		return err
	}
	admin := c.kafka().Admin("anpr-rejects")
	defer admin.Close()
	letters, err := recovery.Collect(ctx, admin, wanted)
	if err != nil {
		return err
	}
	partitions, err := partitionsOf(ctx, c.kafka())
	if err != nil {
		return err
	}
	receipts, err := openReceipts(c.Receipts, gateway.NewMetrics(nil), platform.NewOps(), log)
	if err != nil {
		return err
	}
	producer := gateway.NewKafkaProducer(gateway.KafkaConfig{Brokers: c.kafka().Brokers(), Dial: c.kafka().Dial(), Acked: receipts.keep})
	replay := recovery.Replay{
		Check: func(b []byte) (recovery.Read, error) { return checkRecord(b, partitions) },
		Known: func(ctx context.Context, reads []recovery.Outgoing) (map[schemas.ReadID]bool, error) {
			return knownReads(ctx, conn, reads)
		},
		Send: func(ctx context.Context, out []recovery.Outgoing) error {
			return producer.Produce(ctx, gatewayRecords(out))
		},
	}
	out, err := replay.Run(ctx, wanted, letters, !c.DryRun)
	err = errors.Join(err, producer.Close(), receipts.close())
	log.Info().Str("reject_reason", c.RejectReason).Str("why", c.Reason).Bool("dry_run", c.DryRun).Interface("outcome", out).Msg("dead letters replayed")
	return errors.Join(err, c.print(out))
}

// print writes what became of the dead letters.
func (c *replayRejectsCmd) print(out recovery.Outcome) error {
	if c.JSON {
		return office.PrintJSON(os.Stdout, out)
	}
	verb := "sent again"
	if c.DryRun {
		verb = "would be sent again"
	}
	fmt.Printf("%d dead letters: %d %s; left out: %d stored already, %d twice among these, %d uploads that the gateway refused (the camera must send them),\n"+
		"%d cut because of their size, %d that would be rejected again, %d no longer in %s\n",
		out.Wanted, out.Sent, verb, out.Known, out.Twice, out.Uploads, out.Cut, out.Bad, out.Missing, schemas.TopicRejects)
	return nil
}

// wanted asks the office, page by page.
func (c *replayRejectsCmd) wanted(ctx context.Context) (out []recovery.Position, err error) {
	o, err := c.client()
	if err != nil {
		return nil, err
	}
	paging := c.page()
	for {
		a, err := o.Rejects(ctx, office.RejectsQuery{Ask: c.ask(), Window: c.window(), Paging: paging, RejectReason: c.RejectReason, Camera: c.Camera})
		if err != nil {
			return nil, explainSignIn(err, o.Lang)
		}
		for i := range a.Rejects {
			r := &a.Rejects[i]
			out = append(out, recovery.Position{Topic: r.Topic, Partition: r.Partition, Offset: r.Offset})
		}
		if a.Next == "" {
			return out, nil
		}
		paging.After = a.Next
	}
}

// settled waits until the group has committed what the log holds now: only then do the tables say what is stored.
func (c *replayRejectsCmd) settled(ctx context.Context) error {
	l := reconcile.NewLog(c.kafka())
	defer l.Close()
	ids, err := l.Partitions(ctx, schemas.TopicReads)
	if err != nil {
		return err
	}
	bounds, err := l.Bounds(ctx, schemas.TopicReads, ids)
	if err != nil {
		return err
	}
	for deadline := time.Now().Add(c.Settle); ; {
		commits, err := l.Commits(ctx, c.Group, schemas.TopicReads, ids)
		if err != nil {
			return err
		}
		behind := int64(0)
		for _, p := range ids {
			behind += max(0, bounds[p].End-max(commits[p].Offset, bounds[p].First))
		}
		switch {
		case behind == 0:
			return nil
		case time.Now().After(deadline):
			return fmt.Errorf("the pipeline is %d records behind, so what is stored already cannot be told; wait for it, or give it longer with --settle", behind)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(250 * time.Millisecond):
		}
	}
}

// checkRecord decodes a record as the pipeline does, but for the registry, which it may know in another version.
func checkRecord(b []byte, partitions int) (recovery.Read, error) {
	var r schemas.Read
	if err := decode.Record(&r, b); err != nil {
		return recovery.Read{}, err
	}
	if r.Tick != 0 || r.Quarantine != nil {
		return recovery.Read{}, errors.New("is no read")
	}
	if err := normalise.Read(&r); err != nil {
		return recovery.Read{}, err
	}
	if err := decode.CheckClock(&r, decode.DefaultAhead, decode.DefaultBehind); err != nil {
		return recovery.Read{}, err
	}
	return recovery.Read{
		ID: r.ID, Captured: r.CapturedAt, Key: r.Class.AppendTo(nil), Partition: schemas.Partition(r.Class, r.Camera, partitions),
		Camera: r.Camera, Received: r.ReceivedAt.Time(),
	}, nil
}

func gatewayRecords(out []recovery.Outgoing) []gateway.Record {
	records := make([]gateway.Record, len(out))
	for i, o := range out {
		records[i] = gateway.Record{Key: o.Key, Value: o.Value, Partition: o.Partition, Time: time.Now(), Camera: o.Camera}
	}
	return records
}

// knownReads asks the tables for ids only: no plate, no place.
func knownReads(ctx context.Context, conn driver.Conn, reads []recovery.Outgoing) (map[schemas.ReadID]bool, error) {
	out := map[schemas.ReadID]bool{}
	for part := range slices.Chunk(reads, 5000) {
		ids := make([]string, len(part))
		first, last := part[0].Captured, part[0].Captured
		for i, r := range part {
			ids[i], first, last = r.ID.String(), min(first, r.Captured), max(last, r.Captured)
		}
		if err := knownAmong(ctx, conn, ids, first, last, out); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func knownAmong(ctx context.Context, conn driver.Conn, ids []string, first, last schemas.Micros, out map[schemas.ReadID]bool) error {
	const within = ` WHERE captured_at BETWEEN fromUnixTimestamp64Micro(?, 'UTC') AND fromUnixTimestamp64Micro(?, 'UTC')
		AND read_id IN (SELECT toUUID(arrayJoin(?)))`
	rows, err := conn.Query(ctx, "SELECT toString(read_id) FROM reads"+within+" UNION ALL SELECT toString(read_id) FROM merges"+within,
		int64(first), int64(last), ids, int64(first), int64(last), ids)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			return err
		}
		id, err := schemas.ParseID(text)
		if err != nil {
			return err
		}
		out[schemas.ReadID{ID: id}] = true
	}
	return rows.Err()
}
