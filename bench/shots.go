package bench

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/gvc-brussels/anpr/bench/pictures"
	"github.com/gvc-brussels/anpr/schemas"
)

// PictureStore takes made-up pictures before the reads that name them are sent.
type PictureStore interface {
	// Put returns when the picture is durable.
	Put(ctx context.Context, data []byte) (schemas.Sum, error)
	// Damage changes a stored picture, so that it is no longer what its sum says.
	Damage(ctx context.Context, sum schemas.Sum) error
}

// Bounds of the pictures, so that drawing stays a small part of a machine.
const (
	shotsPerSecond = 10 // reads with pictures, of traffic as it is scheduled; each has two
	shotsAtOnce    = 20 // after a quiet time
	oneOrdinaryIn  = 50 // reads that nobody will decide
)

// Shots that a read must leave for those that somebody decides today: most offences of the zone are held for days.
const (
	leaveWhenToday    = 0
	leaveWhenHeld     = shotsAtOnce / 2
	leaveWhenOrdinary = shotsAtOnce * 3 / 4
)

// findShares lists how often an expected offence has something to find, in thousandths.
var findShares = [...]struct {
	find  pictures.Find
	share int
}{
	{pictures.OtherLetter, 80},
	{pictures.TwoVehicles, 40},
	{pictures.NotLegible, 30},
	{pictures.BlockDisagrees, 30},
	{pictures.BlueLight, 20},
	{pictures.OtherVehicle, 30},
	{pictures.NoPicture, 30},
	{pictures.DamagedFile, 5},
}

// ExpectedVerdict is the right answer of a person who looks at the picture of a read.
type ExpectedVerdict struct {
	Read    schemas.ReadID `json:"read_id"`
	Camera  string         `json:"camera"`
	At      schemas.Micros `json:"captured_at_us"`
	Find    string         `json:"find"`
	Verdict string         `json:"verdict"`           // confirm, reject or correct_plate
	Reason  string         `json:"reason,omitempty"`  // of a rejection
	Plate   string         `json:"plate,omitempty"`   // as the picture shows it; empty = nobody can read it
	Country string         `json:"country,omitempty"` // of the plate
	Scene   schemas.Digest `json:"scene_sha256,omitempty"`
}

// shot is the pictures of a read; the zero shot has none. A read at a light has a second picture.
type shot struct{ scene, second, plate schemas.Sum }

var noShot shot

// shotKinds are the roles of a shot's pictures, as reads carry them, without a second scene and with one.
var shotKinds = [...]string{
	schemas.JoinPictureKinds([]schemas.PictureKind{schemas.PictureScene, schemas.PicturePlate}),
	schemas.JoinPictureKinds([]schemas.PictureKind{schemas.PictureScene, schemas.PictureSecond, schemas.PicturePlate}),
}

func (s *shot) kinds() string { return shotKinds[boolToInt(!s.second.IsZero())] }

// betweenPictures is the time from the first picture of a light to the second.
const betweenPictures = 900 * schemas.Millisecond

// photographer decides which reads have pictures, and has them drawn and stored.
type photographer struct {
	store   PictureStore
	painter painter
	r       *rand.Rand // of its own: the traffic is the same with and without pictures
	tokens  float64
	last    time.Duration
	taken   map[uint32]pictured // vehicles whose passing in the zone has pictures
	err     error               // the first failure
}

// painter draws the pictures of a scene as JPEGs.
type painter interface {
	DrawScene(*pictures.Scene) ([]byte, error)
	DrawPlate(*pictures.Scene) ([]byte, error)
}

// pictured is a passing that has pictures.
type pictured struct {
	passing uint32
	at      schemas.Micros
}

func (t *Traffic) hirePhotographer() error {
	if t.cfg.Pictures == nil {
		return nil
	}
	draws, err := pictures.NewPainter()
	if err != nil {
		return err
	}
	t.eye = &photographer{store: t.cfg.Pictures, painter: draws, r: newRandom(t.cfg.Seed, "pictures"), tokens: shotsAtOnce, taken: map[uint32]pictured{}}
	return nil
}

// PictureFailure returns why a picture could not be drawn or stored; nil when every picture was.
func (t *Traffic) PictureFailure() error {
	if t.eye == nil {
		return nil
	}
	return t.eye.err
}

// Verdicts returns the right verdict of each read that the generator expects to become an offence.
func (h *Truth) Verdicts() []ExpectedVerdict { return h.verdicts }

// addPicture gives an accepted read its pictures, or none. Without a store, reads name pictures that do not exist.
func (t *Traffic) addPicture(s *plannedRead) {
	if t.eye == nil || s.shot != nil {
		return
	}
	s.shot = &noShot
	if rejects[s.kind] != schemas.ReasonNone {
		return
	}
	today := t.speeds(s) || t.city.passedLight(s) || t.city.usesBusLane(s)
	offence, listed := today || t.pollutes(s), t.city.vehicles[s.vehicle].listed != 0
	if !offence && !listed && s.seq%oneOrdinaryIn != 0 {
		return
	}
	scene, verdict := t.planShot(s, offence)
	leave := float64(leaveWhenOrdinary)
	switch {
	case today:
		leave = leaveWhenToday
	case offence:
		leave = leaveWhenHeld
	}
	if !t.eye.takeToken(t.clock.nextDue(), leave) && scene.Find != pictures.NoPicture {
		scene.Find, verdict = pictures.NoPicture, verdictOf(pictures.NoPicture, scene, false)
	}
	if scene.Find != pictures.NoPicture {
		_, _, light := s.lightMeasure()
		if s.shot = t.eye.takeShot(scene, light); s.shot == &noShot {
			verdict = verdictOf(pictures.NoPicture, scene, false)
		}
	}
	if offence {
		ev := Event{Kind: s.kind, read: *s, t: t}
		verdict.Read, verdict.Camera, verdict.At, verdict.Scene = ev.ReadID(), scene.Camera, s.captured, schemas.DigestOf(s.shot.scene)
		t.truth.verdicts = append(t.truth.verdicts, verdict)
	}
}

// speeds reports whether the generator expects that the read becomes an offence of speed.
func (t *Traffic) speeds(s *plannedRead) bool {
	_, _, is := judgeSpeed(&t.city.cameras[s.camera], s, t.city.vehicles[s.vehicle].category)
	return is
}

// pollutes reports whether the generator expects that the read becomes the offence of its vehicle's day in the zone.
func (t *Traffic) pollutes(s *plannedRead) bool {
	v := &t.city.vehicles[s.vehicle]
	if !LEZKnown(s.captured.Day()) || !t.city.decidesLEZ(s) || t.city.judgeVehicle(v, s.captured) < lezHeld {
		return false
	}
	if before, seen := t.eye.taken[s.vehicle]; seen && (before.passing != s.passing || s.captured-before.at > schemas.Minute) && before.at.Day() == s.captured.Day() {
		return false // the day has its row
	}
	t.eye.taken[s.vehicle] = pictured{s.passing, s.captured}
	return true
}

// takeToken holds the pictures within their bounds: it takes one when it leaves as many as said.
func (p *photographer) takeToken(due time.Duration, leave float64) bool {
	p.tokens = min(p.tokens+(due-p.last).Seconds()*shotsPerSecond, shotsAtOnce)
	p.last = due
	if p.tokens < 1+leave {
		return false
	}
	p.tokens--
	return true
}

// planShot says what the pictures of a read show, and the right verdict.
func (t *Traffic) planShot(s *plannedRead, offence bool) (*pictures.Scene, ExpectedVerdict) {
	cam, v := &t.city.cameras[s.camera], &t.city.vehicles[s.vehicle]
	scene := &pictures.Scene{
		Seed: uint64(t.run)<<32 | uint64(s.seq)<<16 | uint64(s.camera), Camera: cam.ID, Site: cam.Site, Street: cam.Street, At: s.captured, Lane: s.lane,
		Direction: s.direction, Speed: schemas.Speed(s.speed), Plate: v.plate.String(), Country: countries[v.country], Kind: t.vehicleKind(s), Colour: colours[v.colour],
	}
	if s.speed != 0 {
		scene.Limit, _ = limitAt(cam, s.lane, s.direction, s.captured)
	}
	if c := cam.CertificateAt(s.captured); c != nil {
		scene.Device = c.Serial
	}
	if offence {
		scene.Find = t.eye.drawFind()
	}
	if scene.Find == pictures.OtherLetter {
		shown, ok := misreadPlate(v.plate, t.eye.r.Uint32())
		if !ok || shown == s.plate {
			scene.Find = pictures.Nothing
		} else {
			scene.Plate = shown.String()
		}
	}
	return scene, verdictOf(scene.Find, scene, scene.Plate != s.plate.String())
}

func (p *photographer) drawFind() pictures.Find {
	n := p.r.IntN(1000)
	for _, f := range findShares {
		if n -= f.share; n < 0 {
			return f.find
		}
	}
	return pictures.Nothing
}

// verdictOf returns the right verdict of a find; differs says that the picture shows another plate than was read.
func verdictOf(f pictures.Find, scene *pictures.Scene, differs bool) ExpectedVerdict {
	v := ExpectedVerdict{Find: f.String(), Verdict: "reject", Plate: scene.Plate, Country: scene.Country.String()}
	switch f {
	case pictures.TwoVehicles:
		v.Reason = "two_vehicles"
	case pictures.NotLegible:
		v.Reason, v.Plate, v.Country = "not_legible", "", ""
	case pictures.BlockDisagrees:
		v.Reason = "device_doubtful"
	case pictures.BlueLight:
		v.Reason = "priority_vehicle"
	case pictures.OtherVehicle:
		v.Reason = "vehicle_differs"
	case pictures.NoPicture, pictures.DamagedFile:
		v.Reason, v.Plate, v.Country = "picture_missing_or_bad", "", ""
	default:
		v.Verdict = "confirm"
		if differs {
			v.Verdict = "correct_plate"
		}
	}
	return v
}

// takeShot draws and stores the pictures of a scene, a second one too where a light is watched. After a failure the read
// has none.
func (p *photographer) takeShot(scene *pictures.Scene, second bool) *shot {
	out, err := p.storeShot(context.Background(), scene, second)
	if err != nil {
		if p.err == nil {
			p.err = fmt.Errorf("made-up picture: %w", err)
		}
		return &noShot
	}
	return out
}

func (p *photographer) storeShot(ctx context.Context, scene *pictures.Scene, second bool) (*shot, error) {
	type picture struct {
		draw func(*pictures.Scene) ([]byte, error)
		of   *pictures.Scene
		sum  *schemas.Sum
	}
	var out shot
	all := []picture{{p.painter.DrawScene, scene, &out.scene}, {p.painter.DrawPlate, scene, &out.plate}}
	if second {
		later := *scene
		later.At += betweenPictures
		all = append(all, picture{p.painter.DrawScene, &later, &out.second})
	}
	for _, x := range all {
		data, err := x.draw(x.of)
		if err != nil {
			return nil, err
		}
		if *x.sum, err = p.store.Put(ctx, data); err != nil {
			return nil, err
		}
	}
	if scene.Find == pictures.DamagedFile {
		return &out, p.store.Damage(ctx, out.scene)
	}
	return &out, nil
}
