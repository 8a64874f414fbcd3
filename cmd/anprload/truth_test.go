package main

import (
	"strings"
	"testing"

	"github.com/gvc-brussels/anpr/bench"
	"github.com/gvc-brussels/anpr/pipeline/ingest/decode"
	"github.com/gvc-brussels/anpr/pipeline/ingest/dedup"
	"github.com/gvc-brussels/anpr/pipeline/ingest/normalise"
	"github.com/gvc-brussels/anpr/pipeline/reference"
	"github.com/gvc-brussels/anpr/rules"
	"github.com/gvc-brussels/anpr/schemas"
	"github.com/gvc-brussels/anpr/schemas/proto/anprv1"
)

// pure is the pipeline without broker and database: the stages in order, a single shard.
type pure struct {
	t        *testing.T
	ref      *reference.Snapshot
	engine   *rules.Engine
	window   *dedup.RepeatFilter
	passages *dedup.Passages
	standing rules.PriorOffences
	got      bench.Got

	rejects             map[schemas.Reason]uint64
	unique, retransmits uint64
	offset              int64
}

func newPure(t *testing.T, dir string) *pure {
	t.Helper()
	ref, err := reference.Load(dir)
	if err != nil {
		t.Fatalf("the reference data is refused: %v", err)
	}
	cat, err := rules.Load(rules.Brussels())
	if err != nil {
		t.Fatal(err)
	}
	p := &pure{t: t, ref: ref, engine: rules.NewEngine(cat, ref.Cameras()), rejects: map[schemas.Reason]uint64{}}
	p.window = dedup.NewRepeatFilter(10*schemas.Minute, 1<<20)
	p.passages = dedup.NewPassages(dedup.Config{}, func(closed []dedup.Closed) {
		for i := range closed {
			c := &closed[i]
			c.Best.Camera, c.Measured.Camera = ref.CameraName(c.BestCamera), ref.CameraName(c.MeasuredCamera)
			p.decide(&c.Passage)
		}
	})
	return p
}

// record puts one record through, as a worker does.
func (p *pure) record(b []byte) {
	var r schemas.Read
	p.offset++
	if err := p.read(&r, b); err != nil {
		p.rejects[err.Reason]++
		return
	}
	cam, _ := p.ref.Camera(r.Camera)
	p.passages.Advance(r.ReceivedAt)
	if p.window.Seen(r.ID, r.ReceivedAt) {
		p.retransmits++
		return
	}
	p.unique++
	a := p.passages.Add(&r, dedup.Origin{Site: cam.SiteHash, Camera: cam.Number}, p.offset)
	if a.Joined == dedup.JoinedSame || a.Joined == dedup.JoinedMerged {
		return
	}
	for _, h := range p.engine.Hits(nil, &r, a.Passage, cam, p.ref) {
		if p.passages.MarkHit(a, h.ID) {
			p.got.AddHit(&anprv1.Hit{
				HitId: h.ID.ID[:], List: h.Entry.List, EntryId: h.Entry.ID, CameraId: strings.Clone(r.Camera), Match: h.Match.String(), CapturedAtUs: int64(r.CapturedAt),
			})
		}
	}
}

func (p *pure) read(r *schemas.Read, b []byte) *schemas.RejectError {
	if err := decode.Record(r, b); err != nil {
		return err
	}
	if err := decode.CheckClock(r, 5*schemas.Minute, decode.DefaultBehind); err != nil {
		return err
	}
	cam, ok := p.ref.Camera(r.Camera)
	if !ok {
		return schemas.Rejectf(schemas.ReasonUnknownCamera, "camera_id", "not in the registry")
	}
	if !cam.ValidAt(r.CapturedAt) {
		return schemas.Rejectf(schemas.ReasonCameraExpired, "camera_id", "not valid at the time of capture")
	}
	return normalise.Read(r)
}

func (p *pure) decide(ps *schemas.Passage) {
	s := rules.Subject{Passage: ps, Prior: &p.standing}
	s.Camera, _ = p.ref.Camera(ps.Best.Camera)
	if !ps.Measured.Read.IsZero() {
		s.MeasuredBy, _ = p.ref.Camera(ps.Measured.Camera)
	}
	for i := range ps.Measurements {
		by, _ := p.ref.Camera(ps.Measurements[i].On.Camera)
		s.StatedBy = append(s.StatedBy, by)
	}
	decisions, _ := p.engine.Decide(nil, &s, p.ref)
	for i := range decisions {
		d := &decisions[i]
		if d.Outcome != schemas.OutcomeOffence && d.Outcome != schemas.OutcomeHeld {
			continue
		}
		p.standing.Add(d.PriorOffence())
		p.got.AddOffence(&anprv1.Offence{
			OffenceId: d.Offence.ID[:], ReadId: d.On.Read.ID[:], Family: string(d.Family), Plate: d.On.Plate.String(), CapturedAtUs: int64(d.On.CapturedAt),
		})
	}
}

// TestPureStagesFindTheTruth is the check of the oracle against the pipeline and of the pipeline against the
// oracle: they share the contract and no code.
func TestPureStagesFindTheTruth(t *testing.T) {
	const day = "2026-11-21"
	for _, c := range []struct {
		name  string
		noise *bench.Noise
		seed  uint64
	}{{"clean", &bench.Noise{}, 5}, {"usual dirt", nil, 5}, {"usual dirt, other city", nil, 6}} {
		t.Run(c.name, func(t *testing.T) {
			d, err := schemas.ParseDay(day)
			if err != nil {
				t.Fatal(err)
			}
			city, err := bench.NewCity(bench.CityConfig{Seed: c.seed, Cameras: 80, Vehicles: 60_000, ListEntries: 1000, ListedDrive: 300, Signs: true, At: d.Start()})
			if err != nil {
				t.Fatal(err)
			}
			dir := t.TempDir()
			if err := city.WriteReference(dir); err != nil {
				t.Fatal(err)
			}
			traffic, err := city.Traffic(bench.TrafficConfig{Seed: c.seed + 10, Rate: 60, Noise: c.noise, ListedShare: 50_000})
			if err != nil {
				t.Fatal(err)
			}
			p := newPure(t, dir)
			var ev bench.Event
			var buf []byte
			for range 120_000 {
				traffic.Next(&ev)
				buf = ev.AppendRecord(buf[:0])
				p.record(buf)
			}
			p.passages.Advance(ev.Received + schemas.Hour)
			p.compare(traffic.Finish())
		})
	}
}

func (p *pure) compare(h *bench.Truth) {
	t := p.t
	if p.unique != h.Unique || p.retransmits != h.Retransmissions {
		t.Errorf("the stages count %d unique and %d again, the truth says %d and %d", p.unique, p.retransmits, h.Unique, h.Retransmissions)
	}
	for _, r := range schemas.Reasons() {
		if got, want := p.rejects[r], h.Rejects()[r]; got != want {
			t.Errorf("rejected as %v: got %d, the truth says %d", r, got, want)
		}
	}
	r := h.Compare(&p.got, 10*schemas.Second) // the passage window: two passings further apart are two
	t.Logf("%+v", r.Tallies())
	for kind, few := range map[string]int{"hits": 100, "speed": 100, "lez": 100, "redlight": 10, "access": 20, "reserved_lane": 10, "goods": 10} {
		if r.Of(kind).Expected < few {
			t.Errorf("too little is expected of %s to mean anything: %+v", kind, r.Tallies())
		}
	}
	if !r.Exact() {
		t.Errorf("missing or extra: %+v", r.Tallies())
	}
}
