package feed

import (
	"context"
	"encoding/hex"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"google.golang.org/protobuf/proto"

	"github.com/gvc-brussels/anpr/pipeline/cases"
	"github.com/gvc-brussels/anpr/pipeline/cases/store"
	"github.com/gvc-brussels/anpr/pipeline/evidence"
	"github.com/gvc-brussels/anpr/schemas"
	"github.com/gvc-brussels/anpr/schemas/proto/anprv1"
)

func valueOf(t *testing.T, m prometheus.Metric) float64 {
	t.Helper()
	var out dto.Metric
	if err := m.Write(&out); err != nil {
		t.Fatal(err)
	}
	if out.Gauge != nil {
		return out.GetGauge().GetValue()
	}
	return out.GetCounter().GetValue()
}

// A record says all that a case needs: what is parsed is what was sealed.
func TestARecordBecomesAnIntake(t *testing.T) {
	for n := range 2 {
		d := offence(n)
		m := record(d)
		m.Straggler = n == 1
		in, err := ParseOffence(encoded(t, m))
		if err != nil {
			t.Fatal(err)
		}
		if in.Offence != d.Offence || in.Attempt != 1 || !in.SealHolds || in.Seal != d.Seal || string(in.Sealed) != string(d.Sealed) || in.Zone != "5339" ||
			in.Site != "wetstraat" || in.Municipality != 21004 || in.Decision.On.Plate != d.On.Plate || in.Decision.Outcome != d.Outcome ||
			in.Decision.HoldUntil != d.HoldUntil || in.Straggler != (n == 1) || len(in.Decision.Trace) != 1 {
			t.Errorf("offence %d: got %+v", n, in)
		}
	}
}

// Whatever field of a record is not what was sealed, the seal does not hold.
func TestAChangedRecordBreaksTheSeal(t *testing.T) {
	other := schemas.ID{15: 1}
	for name, change := range map[string]func(*anprv1.Offence){
		"offence": func(m *anprv1.Offence) { m.OffenceId = other[:] }, "passage": func(m *anprv1.Offence) { m.PassageId = other[:] },
		"read": func(m *anprv1.Offence) { m.ReadId = other[:] }, "rule": func(m *anprv1.Offence) { m.Rule += "x" },
		"version of the rule": func(m *anprv1.Offence) { m.RuleVersion += "x" }, "family": func(m *anprv1.Offence) { m.Family = "lez" },
		"status": func(m *anprv1.Offence) { m.Status = "held" }, "reason": func(m *anprv1.Offence) { m.StatusReason += "x" },
		"end of the hold": func(m *anprv1.Offence) { m.HoldUntilUs++ }, "camera": func(m *anprv1.Offence) { m.CameraId += "x" },
		"capture": func(m *anprv1.Offence) { m.CapturedAtUs++ }, "plate": func(m *anprv1.Offence) { m.Plate = "1ABC999" }, "country": func(m *anprv1.Offence) { m.Country = "FR" },
		"amount": func(m *anprv1.Offence) { m.AmountCents++ }, "legal basis": func(m *anprv1.Offence) { m.LegalBasis += "x" }, "picture": func(m *anprv1.Offence) { m.ImageSha256 = make([]byte, 32) },
		"verified": func(m *anprv1.Offence) { m.Verified = !m.Verified }, "catalogue": func(m *anprv1.Offence) { m.CatalogueVersion += "x" },
		"reference": func(m *anprv1.Offence) { m.ReferenceVersion += "x" }, "previous seal": func(m *anprv1.Offence) { m.PrevSealSha256 = make([]byte, 32) },
		"measure": func(m *anprv1.Offence) { m.Measures[1].Value++ }, "number of measures": func(m *anprv1.Offence) { m.Measures = m.Measures[1:] },
		"seal": func(m *anprv1.Offence) { m.SealSha256 = make([]byte, 32) }, "sealed byte": func(m *anprv1.Offence) { m.Sealed[40] ^= 1 },
		"sealed bytes cut": func(m *anprv1.Offence) { m.Sealed = m.Sealed[:50] }, "no form of sealed bytes": func(m *anprv1.Offence) { m.Sealed = []byte{255} },
	} {
		d := offence(0)
		m := record(d)
		m.Sealed = slices.Clone(m.Sealed)
		change(m)
		in, err := ParseOffence(encoded(t, m))
		if err != nil || in.SealHolds || in.Decision.On.Plate.IsZero() || in.Offence.ID != schemas.ID(m.OffenceId) {
			t.Errorf("%s: seal holds %v, %v, decision %+v", name, in.SealHolds, err, in.Decision)
		}
	}
}

func FuzzAnyRecordIsAnIntakeOrRefused(f *testing.F) {
	for n := range 2 {
		b, err := proto.Marshal(record(offence(n)))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Add([]byte{})
	f.Add([]byte("not an offence"))
	f.Fuzz(func(t *testing.T, value []byte) {
		in, err := ParseOffence(value)
		if err == nil && in.Decision.On.Plate.IsZero() {
			t.Error("an intake without a plate")
		}
		if err == nil {
			addTerms(&in, plainTerms)
		}
	})
}

// Two offices share the partitions; both are killed between transaction and commit, again and again, and every record is
// delivered three times. Each offence is one case.
func TestEachOffenceIsOneCaseWhateverCrashes(t *testing.T) {
	w := newWorld(t)
	all := someOffences(240)
	w.publish(all[:120]...)
	m := NewMetrics(nil)
	var lost atomic.Int32
	f := &faulty{Store: w.cases, after: func() error { // the transaction is done and its answer lost
		if lost.Add(1)%2 == 1 {
			return errAway
		}
		return nil
	}}
	a := w.startIntake(f, m)
	for i := range 2 {
		b := w.startIntake(f, m) // a rebalance
		w.publish(all[60*i : 60*i+180]...)
		time.Sleep(150 * time.Millisecond)
		a.stop()
		a = b
	}
	w.waitForCases(240)
	w.caught(IntakeGroup, schemas.TopicOffences)
	totals := w.waitForCases(240)
	if totals.ByState[cases.Open] != 120 || totals.ByState[cases.Held] != 120 || totals.Events != 240 {
		t.Errorf("got %+v, want 120 open, 120 held and an event each", totals)
	}
	if valueOf(t, m.Intake.WithLabelValues(resultRepeated)) == 0 {
		t.Error("no record was repeated: the test tries nothing")
	}
}

// An offence that comes again with other sealed bytes, and one whose seal does not hold, are for a supervisor.
func TestAChangedOffenceIsAnIncidentAndABadSealIsArbitrated(t *testing.T) {
	w := newWorld(t)
	first, second := offence(0), offence(2)
	w.publish(first)
	m := NewMetrics(nil)
	w.startIntake(w.cases, m)
	w.waitForCases(1)
	changed := *first
	changed.AmountCents, changed.Sealed = 1, nil
	evidence.Seal(&changed, first.PrevSeal)
	forged := record(second)
	forged.AmountCents = 1
	w.produce(schemas.TopicOffences, 0, encoded(t, record(&changed)), encoded(t, record(&changed)), encoded(t, forged))
	w.waitForCases(2)
	w.caught(IntakeGroup, schemas.TopicOffences)
	w.waitForCases(2)
	open, err := w.cases.Incidents(t.Context(), nil, nil, 10)
	if err != nil {
		t.Fatal(err)
	}
	var kinds []string
	for _, i := range open {
		d, err := w.cases.Get(t.Context(), i.Case)
		if err != nil {
			t.Fatal(err)
		}
		kinds = append(kinds, fmt.Sprint(i.Kind, " ", d.Case.State, " ", d.Case.AmountCents))
		if want := first.Sealed; d.Case.Offence == first.Offence && string(d.Sealed) != string(want) {
			t.Error("the sealed bytes of the case were overwritten")
		}
	}
	slices.Sort(kinds)
	if want := []string{"seal_broken arbitration 5300", "seal_differs open 5300"}; !slices.Equal(kinds, want) {
		t.Errorf("incidents %q, want %q", kinds, want)
	}
}

// A record that is no offence, and one that the database never takes, do not stop their neighbours.
func TestAPoisonedRecordDoesNotStopItsNeighbours(t *testing.T) {
	w := newWorld(t)
	poison := offence(10)
	values := [][]byte{encoded(t, record(offence(0))), []byte("\xff\xff no message"), nil, encoded(t, record(poison)), encoded(t, record(offence(1)))}
	w.produce(schemas.TopicOffences, 0, values...)
	m := NewMetrics(nil)
	w.startIntake(&refusing{w.cases, poison.Offence}, m)
	w.waitForCases(2)
	w.caught(IntakeGroup, schemas.TopicOffences)
	if got := valueOf(t, m.Intake.WithLabelValues(resultRefused)); got != 3 {
		t.Errorf("%v records refused, want 3", got)
	}
	if left, err := w.cases.Missing(t.Context(), []schemas.OffenceID{poison.Offence, offence(1).Offence}); err != nil || !slices.Equal(left, []schemas.OffenceID{poison.Offence}) {
		t.Errorf("missing %v, %v", left, err)
	}
}

// refusing is a database that refuses any transaction with an offence, for good.
type refusing struct {
	*store.Store
	offence schemas.OffenceID
}

func (r *refusing) TakeIn(ctx context.Context, in []cases.Intake) (store.Taken, error) {
	if slices.ContainsFunc(in, func(i cases.Intake) bool { return i.Offence == r.offence }) {
		return store.Taken{}, &cases.Refusal{Code: cases.CodeInvalid, Field: "offence_id", Detail: "of this test"}
	}
	return r.Store.TakeIn(ctx, in)
}

// PostgreSQL cannot be reached while offences come: nothing is committed, the part says that it waits, and nothing is lost,
// though connections were cut in the middle of transactions.
func TestAnOutageOfPostgresPausesTheIntake(t *testing.T) {
	w := newWorld(t)
	m := NewMetrics(nil)
	w.startIntake(w.cases, m)
	w.publish(someOffences(60)...)
	w.waitForCases(60)
	w.link.Stop()
	w.publish(someOffences(150)...)
	w.eventually("the intake waits", func() bool { return valueOf(t, m.paused.WithLabelValues(PartIntake)) == 1 })
	admin := w.kafka.NewAdmin("feed-test")
	defer admin.Close()
	if lag, err := admin.Lag(t.Context(), IntakeGroup, schemas.TopicOffences); err != nil || lag == 0 {
		t.Errorf("lag %d, %v: what is no case was committed", lag, err)
	}
	if err := w.link.Start(); err != nil {
		t.Fatal(err)
	}
	w.waitForCases(150)
	w.caught(IntakeGroup, schemas.TopicOffences)
	w.waitForCases(150)
	w.eventually("the intake waits no more", func() bool { return valueOf(t, m.paused.WithLabelValues(PartIntake)) == 0 })
}

// A record of an earlier program is completed from the table; one without a row goes to a supervisor after a bound.
func TestARecordWithoutSealedBytesIsCompletedFromTheTable(t *testing.T) {
	w := newWorld(t)
	d, without := offence(0), offence(2)
	w.store(stored(d))
	m := NewMetrics(nil)
	var values [][]byte
	for _, o := range []*schemas.Decision{d, without} {
		r := record(o)
		r.Sealed, r.Zone, r.Municipality, r.Site = nil, "", 0, ""
		values = append(values, encoded(t, r))
	}
	w.produce(schemas.TopicOffences, 0, append(values, encoded(t, record(offence(4))))...)
	w.startIntake(w.cases, m)
	totals := w.waitForCases(3)
	if totals.ByState[cases.Open] != 2 || totals.ByState[cases.Arbitration] != 1 || valueOf(t, m.Intake.WithLabelValues(resultUnsealed)) != 1 {
		t.Errorf("got %+v, want two open and one for a supervisor", totals)
	}
	rows, _, err := w.cases.List(t.Context(), store.Filter{Offence: d.Offence}, "", 1)
	if err != nil || len(rows) != 1 || rows[0].Case.Zone != "5339" || rows[0].Case.Seal != schemas.DigestOf(d.Seal) {
		t.Errorf("got %+v, %v", rows, err)
	}
}

// A case has every picture of its read, each with its role; the picture that the offence names comes first. A read that
// is stored later gives them later, once.
func TestACaseHasThePicturesOfItsReadWithTheirRoles(t *testing.T) {
	w := newWorld(t)
	d, bare, without, crop := offence(0), offence(2), offence(4), offence(6)
	bare.On.Image = schemas.Sum{}
	evidence.Seal(bare, schemas.Sum{9})
	insert := func(d *schemas.Decision, image, more, kinds string) {
		t.Helper()
		err := w.conn.Exec(t.Context(), fmt.Sprintf("INSERT INTO reads (read_id, plate, captured_at, image_sha256, more_images_sha256, image_kinds) VALUES ('%s', '%s', %s, unhex('%s'), [%s], '%s')",
			d.On.Read, d.On.Plate, sqlTime(d.On.CapturedAt), image, more, kinds))
		if err != nil {
			t.Fatal(err)
		}
	}
	plate, second := schemas.Sum{7}, schemas.Sum{8}
	insert(d, hexOf(plate), "unhex('"+hexOf(d.On.Image)+"'), unhex('"+hexOf(second)+"')", "plate,scene,second")
	insert(bare, "", "", "")
	insert(crop, "", "unhex('"+hexOf(plate)+"')", "plate") // the best picture is of another read of the passage
	w.publish(d, bare, without, crop)
	w.startIntake(w.cases, NewMetrics(nil))
	w.waitForCases(4)
	for _, c := range []struct {
		of   *schemas.Decision
		want []cases.Picture
	}{
		{d, []cases.Picture{{Sum: schemas.DigestOf(d.On.Image), Kind: cases.PictureScene}, {Sum: schemas.DigestOf(plate), Kind: cases.PicturePlate}, {Sum: schemas.DigestOf(second), Kind: cases.PictureSecond}}},
		{bare, nil},
		{crop, []cases.Picture{{Sum: schemas.DigestOf(crop.On.Image), Kind: cases.PictureScene}, {Sum: schemas.DigestOf(plate), Kind: cases.PicturePlate}}},
		{without, []cases.Picture{{Sum: schemas.DigestOf(without.On.Image), Kind: cases.PictureScene}}},
	} {
		rows, _, err := w.cases.List(t.Context(), store.Filter{Offence: c.of.Offence}, "", 1)
		if err != nil || len(rows) != 1 || !slices.Equal(rows[0].Case.Pictures, c.want) {
			t.Errorf("%s: got %+v, %v; want %+v", c.of.Offence, rows, err, c.want)
		}
	}
}

// A read that is stored long after its offence, as after an outage, gives the case its other pictures then: once, whoever
// asks, and the case keeps them from deletion.
func TestAReadThatIsStoredLateGivesTheCaseItsPictures(t *testing.T) {
	w := newWorld(t)
	d, never := offence(0), offence(2)
	w.publish(d, never)
	w.startIntake(w.cases, NewMetrics(nil))
	w.waitForCases(2)
	late := &LatePictures{Cases: w.cases, Table: &Table{DB: w.conn}, Metrics: NewMetrics(nil)}
	ask := func() int {
		t.Helper()
		w.later.Add(int64(time.Hour)) // the pauses are over
		n, err := late.Ask(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	if n := ask(); n != 2 {
		t.Fatalf("asked for %d cases, want 2", n)
	}
	plate := schemas.Sum{7}
	if err := w.conn.Exec(t.Context(), fmt.Sprintf("INSERT INTO reads (read_id, plate, captured_at, image_sha256, more_images_sha256, image_kinds) VALUES ('%s', '%s', %s, unhex('%s'), [unhex('%s')], 'scene,plate')",
		d.On.Read, d.On.Plate, sqlTime(d.On.CapturedAt), hexOf(d.On.Image), hexOf(plate))); err != nil {
		t.Fatal(err)
	}
	ask()
	if n := ask(); n != 1 {
		t.Errorf("asked for %d cases after one got its pictures, want 1", n)
	}
	rows, _, err := w.cases.List(t.Context(), store.Filter{Offence: d.Offence}, "", 1)
	want := []cases.Picture{{Sum: schemas.DigestOf(d.On.Image), Kind: cases.PictureScene}, {Sum: schemas.DigestOf(plate), Kind: cases.PicturePlate}}
	if err != nil || len(rows) != 1 || !slices.Equal(rows[0].Case.Pictures, want) || rows[0].Case.PicturesOpen {
		t.Fatalf("%+v, err %v; want the pictures %+v", rows, err, want)
	}
	if free, err := w.cases.FreePictures(t.Context(), []schemas.Sum{plate}); err != nil || len(free) > 0 {
		t.Errorf("the late picture may be deleted: %v, err %v", free, err)
	}
	if bad, _, _, err := w.cases.Rebuild(t.Context(), cases.ID{}, 100); err != nil || len(bad) > 0 {
		t.Errorf("%+v, err %v", bad, err)
	}
}

func hexOf(s schemas.Sum) string { return hex.EncodeToString(s[:]) }

// A vehicle that is too fast in the zone makes two offences on one read.
func TestOffencesOnOneReadHaveTheSamePictures(t *testing.T) {
	w := newWorld(t)
	d := offence(0)
	plate, second := schemas.Sum{7}, schemas.Sum{8}
	err := w.conn.Exec(t.Context(), fmt.Sprintf("INSERT INTO reads (read_id, plate, captured_at, image_sha256, more_images_sha256, image_kinds) VALUES ('%s', '%s', %s, unhex('%s'), [unhex('%s'), unhex('%s')], 'plate,scene,second')",
		d.On.Read, d.On.Plate, sqlTime(d.On.CapturedAt), hexOf(plate), hexOf(d.On.Image), hexOf(second)))
	if err != nil {
		t.Fatal(err)
	}
	in := []*cases.Intake{{Decision: *d}, {Decision: *d}, {Decision: *d}}
	table := &Table{DB: w.conn}
	if open, err := table.addPictures(t.Context(), in); err != nil || len(open) > 0 {
		t.Fatalf("%d reads are open, %v", len(open), err)
	}
	want := []cases.Picture{{Sum: schemas.DigestOf(d.On.Image), Kind: cases.PictureScene}, {Sum: schemas.DigestOf(plate), Kind: cases.PicturePlate}, {Sum: schemas.DigestOf(second), Kind: cases.PictureSecond}}
	for n := range in {
		if !slices.Equal(in[n].Pictures, want) {
			t.Errorf("offence %d: got %v, want %v", n, in[n].Pictures, want)
		}
	}
}
