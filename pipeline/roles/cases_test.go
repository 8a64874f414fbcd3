package roles

import (
	"fmt"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"github.com/segmentio/kafka-go"
	"google.golang.org/protobuf/proto"

	"github.com/gvc-brussels/anpr/pipeline/cases"
	casestore "github.com/gvc-brussels/anpr/pipeline/cases/store"
	"github.com/gvc-brussels/anpr/pipeline/evidence"
	"github.com/gvc-brussels/anpr/pipeline/platform"
	"github.com/gvc-brussels/anpr/pipeline/testkit"
	"github.com/gvc-brussels/anpr/rules"
	"github.com/gvc-brussels/anpr/schemas"
	"github.com/gvc-brussels/anpr/schemas/proto/anprv1"
)

// heldRecord is the record of a hold on the passage of a question, as the pipeline publishes it.
func heldRecord(t *testing.T, q cases.Question, plate, country string) []byte {
	t.Helper()
	c, _ := schemas.CountryFrom(country)
	d := schemas.Decision{
		Rule: q.Rule, RuleVersion: "2026-01-01", Family: q.Family, Outcome: schemas.OutcomeHeld, Reason: "foreign_unregistered", Passage: q.Passage, Offence: q.Offence, Certain: true,
		On: schemas.Sighting{
			Read: q.Read, Camera: "C1", CapturedAt: q.CapturedAt, ReceivedAt: q.CapturedAt + schemas.Second, Plate: schemas.MustPlate(plate), Country: c,
			CountryConfidence: 950, Confidence: 950, Lane: 1, Direction: schemas.Approaching, Kind: schemas.KindCar,
		},
		HoldUntil: (q.CapturedAt.Day() + 6).Start(), AmountCents: 15_000, CatalogueVersion: "c", ReferenceVersion: "r",
	}
	evidence.Seal(&d, schemas.Sum{})
	b, err := proto.Marshal(&anprv1.Offence{
		OffenceId: d.Offence.ID[:], PassageId: d.Passage.ID[:], ReadId: d.On.Read.ID[:], Rule: string(d.Rule), RuleVersion: d.RuleVersion, Family: string(d.Family), Status: "held",
		StatusReason: d.Reason, HoldUntilUs: int64(d.HoldUntil), CameraId: "C1", CapturedAtUs: int64(d.On.CapturedAt), Plate: plate, Country: country, AmountCents: d.AmountCents,
		CatalogueVersion: "c", ReferenceVersion: "r", SealSha256: d.Seal[:], Sealed: d.Sealed, Zone: "5339", Municipality: 21004, Site: "S1",
	})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// The worker publishes an offence before it stores the passage. Holds of ten days ago, with their jobs beside an office: each
// is decided again once its passage is there, within a minute, and events are stored.
func TestAHoldOfThePastIsOpenOrWithdrawnWithinAMinute(t *testing.T) {
	w := newMatureWorld(t)
	now := schemas.MicrosOf(time.Now())
	captured, fresh := now-10*24*schemas.Hour, time.Now().UTC().Format(time.RFC3339)
	registered := (captured.Day() + 3).String()
	w.data(fresh, fresh, fresh, nil, []string{fmt.Sprintf("FR222FR,FR,%s,2099-01-01,M1,,petrol,6", registered)}, nil)
	k := platform.Kafka{Addr: testkit.Broker(t, map[string]int{schemas.TopicOffences: 2, schemas.TopicReviews: 2})}
	cat, err := rules.Load(rules.Brussels())
	if err != nil {
		t.Fatal(err)
	}
	ops := platform.NewOps()
	r, err := StartCases(t.Context(), CasesConfig{
		Postgres: testkit.StartPostgres(t), Kafka: k, Tables: w.tables, Catalogue: cat, DrawKey: []byte("of this test"), Reference: w.store, Ops: ops, Log: zerolog.Nop(),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Stop(t.Context()); err != nil {
			t.Error(err)
		}
	})
	w.unstored = true
	open, withdrawn := w.pass("FR111FR", "FR", captured), w.pass("FR222FR", "FR", captured)
	transport := k.Transport("roles-test")
	defer transport.CloseIdleConnections()
	client := &kafka.Client{Addr: kafka.TCP(k.Brokers()...), Transport: transport}
	records := []kafka.Record{{Value: kafka.NewBytes(heldRecord(t, open, "FR111FR", "FR"))}, {Value: kafka.NewBytes(heldRecord(t, withdrawn, "FR222FR", "FR"))}}
	if resp, err := client.Produce(t.Context(), &kafka.ProduceRequest{Topic: schemas.TopicOffences, Partition: 1, RequiredAcks: kafka.RequireAll, Records: kafka.NewRecordReader(records...)}); err != nil || resp.Error != nil {
		t.Fatal(err, resp)
	}
	stateOf := func(q cases.Question) cases.State {
		rows, _, err := r.Store.List(t.Context(), casestore.Filter{Offence: q.Offence}, "", 1)
		if err != nil || len(rows) != 1 {
			return ""
		}
		return rows[0].Case.State
	}
	until := time.Now().Add(time.Minute)
	for ; stateOf(open) == "" || stateOf(withdrawn) == ""; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(until) {
			t.Fatal("the offences are no cases")
		}
	}
	if a, b := stateOf(open), stateOf(withdrawn); a != cases.Held || b != cases.Held {
		t.Errorf("before the passages are stored: %s and %s, want held", a, b)
	}
	w.storePasses()
	var counts casestore.Audit
	for ; time.Now().Before(until); time.Sleep(50 * time.Millisecond) {
		var stored uint64
		if counts, err = r.Store.Audit(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := w.conn.QueryRow(t.Context(), "SELECT uniqExact(event_id) FROM reviews").Scan(&stored); err != nil {
			t.Fatal(err)
		}
		if stateOf(open) == cases.Open && stateOf(withdrawn) == cases.Withdrawn && counts.Outbox == 0 && int64(stored) == counts.Events {
			return
		}
	}
	t.Errorf("after a minute: %s and %s, want open and withdrawn; %+v", stateOf(open), stateOf(withdrawn), counts)
}
