package desk

import (
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/gvc-brussels/anpr/bench"
	"github.com/gvc-brussels/anpr/bench/pictures"
	"github.com/gvc-brussels/anpr/pipeline/cases"
	casestore "github.com/gvc-brussels/anpr/pipeline/cases/store"
	"github.com/gvc-brussels/anpr/pipeline/evidence"
	"github.com/gvc-brussels/anpr/rules"
	"github.com/gvc-brussels/anpr/schemas"
)

// PictureStore takes the pictures of the made-up cases.
type PictureStore interface {
	// Put returns when the picture is durable.
	Put(ctx context.Context, data []byte) (schemas.Sum, error)
}

// FillConfig says which cases are made.
type FillConfig struct {
	Cases    *casestore.Store
	Pictures PictureStore
	City     *bench.City // its cameras measure, and the office knows them
	Count    int         // cases
	Seed     uint64      // calls with different seeds make different cases
}

// Sizes of the made-up pictures in bytes, padded behind the end of the JPEG. A camera's scene has about 96 kB.
const (
	sceneBytes = 96_000
	plateBytes = 12_000
)

// drawnScenes is the number of different scenes; every case has bytes of its own.
const drawnScenes = 8

// takenInAtOnce is the number of cases in one transaction.
const takenInAtOnce = 100

// Fill makes open cases of a speed family, sealed, each with a scene and a plate in the store. They are due tomorrow, before
// whatever the ingested reads bring.
func Fill(ctx context.Context, cfg FillConfig) error {
	f, err := newFiller(&cfg)
	if err != nil {
		return err
	}
	for made := 0; made < cfg.Count; {
		batch := make([]cases.Intake, min(takenInAtOnce, cfg.Count-made))
		for i := range batch {
			if batch[i], err = f.makeIntake(ctx, made+i); err != nil {
				return err
			}
		}
		taken, err := cfg.Cases.TakeIn(ctx, batch)
		if err != nil {
			return fmt.Errorf("take the made-up cases in: %w", err)
		}
		if taken.New != len(batch) {
			return fmt.Errorf("%d of %d made-up cases are new: give another seed", taken.New, len(batch))
		}
		made += len(batch)
	}
	return nil
}

// MarkLooked marks all cases as looked at under the versions that the offices have adopted. No table has the passages of
// made-up cases, so an office would look for them again and again, and that work is none of the agents'.
func MarkLooked(ctx context.Context, pool *pgxpool.Pool) error {
	if _, err := pool.Exec(ctx, "UPDATE cases SET looked_versions = (SELECT max(ordinal) FROM case_versions), look_after = NULL"); err != nil {
		return fmt.Errorf("mark the made-up cases as looked at: %w", err)
	}
	return nil
}

// filler makes the cases of a city.
type filler struct {
	*FillConfig
	r       *rand.Rand
	cameras []schemas.Camera // that may measure now
	plates  []schemas.Plate
	scenes  [drawnScenes][2][]byte
	now     schemas.Micros
}

func newFiller(cfg *FillConfig) (*filler, error) {
	f := &filler{FillConfig: cfg, r: rand.New(rand.NewPCG(cfg.Seed, 7)), now: schemas.MicrosOf(time.Now())} //nolint:gosec // repeatable on purpose
	for i := range cfg.City.Cameras() {
		if c := &cfg.City.Cameras()[i]; c.ValidAt(f.now) && c.CertificateAt(f.now-2*schemas.Hour) != nil {
			f.cameras = append(f.cameras, *c)
		}
	}
	if len(f.cameras) == 0 {
		return nil, fmt.Errorf("none of the city's %d cameras has a certificate today", len(cfg.City.Cameras()))
	}
	traffic, err := cfg.City.Traffic(bench.TrafficConfig{Seed: cfg.Seed, Rate: 100})
	if err != nil {
		return nil, err
	}
	var ev bench.Event
	for len(f.plates) < min(cfg.Count, 5_000) {
		if traffic.Next(&ev); ev.Plate().Len() > 4 {
			f.plates = append(f.plates, ev.Plate())
		}
	}
	draws, err := pictures.NewPainter()
	if err != nil {
		return nil, err
	}
	for i := range f.scenes {
		s := &pictures.Scene{Seed: uint64(i), Camera: f.cameras[0].ID, At: f.now, Plate: f.plates[i%len(f.plates)].String(), Country: schemas.Belgium, Kind: schemas.KindCar, Speed: 530, Limit: 300}
		if f.scenes[i][0], err = draws.DrawScene(s); err != nil {
			return nil, err
		}
		if f.scenes[i][1], err = draws.DrawPlate(s); err != nil {
			return nil, err
		}
	}
	return f, nil
}

// putPicture stores a drawn picture with bytes of its own behind the end of the JPEG, which no viewer shows.
func (f *filler) putPicture(ctx context.Context, drawn []byte, kind cases.PictureKind, size int) (cases.Picture, error) {
	data := make([]byte, max(size, len(drawn)+8))
	copy(data, drawn)
	for i := len(drawn); i+8 <= len(data); i += 8 {
		binary.BigEndian.PutUint64(data[i:], f.r.Uint64())
	}
	sum, err := f.Pictures.Put(ctx, data)
	if err != nil {
		return cases.Picture{}, fmt.Errorf("store a made-up picture: %w", err)
	}
	return cases.Picture{Sum: schemas.DigestOf(sum), Kind: kind}, nil
}

// makeIntake makes the n-th case.
func (f *filler) makeIntake(ctx context.Context, n int) (in cases.Intake, err error) {
	cam, scene := &f.cameras[f.r.IntN(len(f.cameras))], &f.scenes[f.r.IntN(drawnScenes)]
	for i, kind := range []cases.PictureKind{cases.PictureScene, cases.PicturePlate} {
		p, err := f.putPicture(ctx, scene[i], kind, []int{sceneBytes, plateBytes}[i])
		if err != nil {
			return in, err
		}
		in.Pictures = append(in.Pictures, p)
	}
	d := f.makeDecision(cam, n)
	d.On.Image = schemas.Sum([]byte(in.Pictures[0].Sum))
	evidence.Seal(&d, schemas.Sum{})
	in.Offence, in.Attempt, in.Sealed, in.Seal, in.Decision, in.SealHolds = d.Offence, 1, d.Sealed, d.Seal, d, true
	in.Zone, in.Site, in.Municipality, in.Regime, in.Track = cam.Zone, cam.Site, cam.Municipality, cases.RegimeTraffic, cases.ImmediateCollection
	in.Clocks = cases.Clocks{DecideBy: f.now + 24*schemas.Hour + schemas.Micros(n), SendBy: f.now + 10*24*schemas.Hour, DropBy: f.now + 300*24*schemas.Hour}
	return in, nil
}

// makeDecision makes a decision of the rules on a measured speed, with a trace as long as theirs.
func (f *filler) makeDecision(cam *schemas.Camera, n int) schemas.Decision {
	at := f.now - schemas.Hour - schemas.Micros(n)*schemas.Second/10
	plate := f.plates[n%len(f.plates)]
	read := schemas.NewReadID(&schemas.Read{Camera: cam.ID, CapturedAt: at, RawPlate: plate.String()})
	family := schemas.Family(strings.Split(string(rules.RuleSpeed), ".")[1]) // an id is region, family and rule
	d := schemas.Decision{
		Rule: rules.RuleSpeed, Family: family, Outcome: schemas.OutcomeOffence, Verified: true, AmountCents: 15_300, LegalBasis: "AR/KB 1975-12-01 art. 11",
		CatalogueVersion: "bench", ReferenceVersion: "bench", Passage: schemas.PassageIDOf(read),
		On: schemas.Sighting{
			Read: read, Camera: cam.ID, CapturedAt: at, ReceivedAt: at + schemas.Second, Plate: plate, Country: schemas.Belgium, Confidence: 950, Kind: schemas.KindCar, Colour: "grey", Speed: 530,
		},
		Measures: []schemas.Measure{{Name: schemas.MeasuredSpeed, Value: 530}, {Name: schemas.CorrectedSpeed, Value: 470}, {Name: schemas.AllowedSpeed, Value: 300}},
	}
	d.Offence = schemas.NewOffenceID(rules.RuleSpeed, plate, schemas.Belgium, strconv.AppendInt([]byte(cam.ID), int64(at), 10))
	for _, s := range [][]string{
		{"camera", cam.ID}, {"certificate", "S1", "A1", "2026-01-01", "2027-01-01"}, {"measured", "53", cam.ID}, {"limit", "30", "lane"}, {"correction", "47", "6", "kmh"}, {"over", "17", "30"}, {"total", "153.00", "EUR"},
	} {
		d.Trace = append(d.Trace, schemas.Step{Code: string(d.Family) + "." + s[0], Holds: true, Args: s[1:], Basis: d.LegalBasis, Verified: true})
	}
	return d
}
