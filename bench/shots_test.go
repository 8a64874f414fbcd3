package bench

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/gvc-brussels/anpr/bench/pictures"
	"github.com/gvc-brussels/anpr/schemas"
	"github.com/gvc-brussels/anpr/schemas/proto/anprv1"
)

// album is a store of pictures in memory.
type album struct {
	mu      sync.Mutex
	sizes   map[schemas.Sum]int
	damaged map[schemas.Sum]bool
	fail    error
}

func newAlbum() *album { return &album{sizes: map[schemas.Sum]int{}, damaged: map[schemas.Sum]bool{}} }

func (a *album) Put(_ context.Context, data []byte) (schemas.Sum, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	sum := schemas.Sum(sha256.Sum256(data))
	a.sizes[sum] = len(data)
	return sum, a.fail
}

func (a *album) Damage(_ context.Context, sum schemas.Sum) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.damaged[sum] = true
	return nil
}

func (a *album) has(sum []byte) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.sizes[schemas.Sum(sum)] > 0
}

// sketcher is a painter whose pictures cost nothing and differ.
type sketcher struct{}

func (sketcher) DrawScene(s *pictures.Scene) ([]byte, error) {
	return fmt.Appendf(nil, "scene %+v", *s), nil
}

func (sketcher) DrawPlate(s *pictures.Scene) ([]byte, error) {
	return fmt.Appendf(nil, "plate %+v", *s), nil
}

// pictureTraffic makes n reads with pictures, 50 a second, and returns them as the log has them.
func pictureTraffic(t *testing.T, c *City, store PictureStore, n int) (*Traffic, []*anprv1.PlateRead) {
	t.Helper()
	return pictureTrafficAt(t, c, store, 50, n)
}

// pictureTrafficAt is pictureTraffic with rate reads a second.
func pictureTrafficAt(t *testing.T, c *City, store PictureStore, rate, n int) (*Traffic, []*anprv1.PlateRead) {
	t.Helper()
	traffic, err := c.Traffic(TrafficConfig{Seed: 5, Rate: rate, ListedShare: 20_000, Pictures: store})
	if err != nil {
		t.Fatal(err)
	}
	if store != nil {
		traffic.eye.painter = sketcher{}
	}
	var out []*anprv1.PlateRead
	var ev Event
	for range n {
		traffic.Next(&ev)
		var m anprv1.PlateRead
		if ev.Kind == Malformed {
			continue
		}
		if err := proto.Unmarshal(ev.AppendRecord(nil), &m); err != nil {
			t.Fatal(err)
		}
		if id := ev.ReadID(); !bytes.Equal(m.ReadId, id.ID[:]) {
			t.Fatalf("read %d: id %x, the record has %x", ev.Index, id.ID, m.ReadId)
		}
		out = append(out, &m)
	}
	traffic.Finish()
	return traffic, out
}

func TestAReadWithPicturesNamesStoredOnesAndEveryOtherReadNone(t *testing.T) {
	c, store := testCity(t, 5), newAlbum()
	traffic, reads := pictureTraffic(t, c, store, 3000) // a minute
	if err := traffic.PictureFailure(); err != nil {
		t.Fatal(err)
	}
	with := 0
	for _, m := range reads {
		switch {
		case len(m.ImageSha256) == 0 && len(m.MoreImagesSha256) == 0 && m.ImageKinds == "":
		case m.ImageKinds == "scene,plate" && len(m.MoreImagesSha256) == 1 && store.has(m.ImageSha256) && store.has(m.MoreImagesSha256[0]):
			with++
		default:
			t.Errorf("%x: pictures %x and %x with roles %q, and they are not all in the store", m.ReadId, m.ImageSha256, m.MoreImagesSha256, m.ImageKinds)
		}
	}
	if n := len(store.sizes); with < 30 || n > 60*2*shotsPerSecond+2*shotsAtOnce {
		t.Errorf("%d reads with pictures, %d pictures in a minute; want some, and at most 600 reads a minute beside the first %d", with, n, shotsAtOnce)
	}
}

func TestTheTrafficIsTheSameWithAndWithoutPictures(t *testing.T) {
	c := testCity(t, 5)
	_, with := pictureTraffic(t, c, newAlbum(), 600)
	_, without := pictureTraffic(t, c, nil, 600)
	for i := range with {
		a, b := with[i], without[i]
		for _, m := range []*anprv1.PlateRead{a, b} {
			m.ReadId, m.ImageSha256, m.MoreImagesSha256, m.ImageKinds = nil, nil, nil, ""
		}
		if !proto.Equal(a, b) {
			t.Fatalf("read %d: %v, without pictures %v", i, a, b)
		}
	}
}

// Each expected offence has a right verdict, and the reasons are those of the closed list.
func TestEveryExpectedOffenceHasARightVerdict(t *testing.T) {
	c, store := testCity(t, 5), newAlbum()
	traffic, reads := pictureTraffic(t, c, store, 6000)
	verdicts := map[schemas.ReadID]ExpectedVerdict{}
	count := map[string]int{}
	for _, v := range traffic.Truth().Verdicts() {
		verdicts[v.Read] = v
		count[v.Find]++
		switch {
		case v.Verdict == "confirm" && v.Reason == "" && v.Plate != "",
			v.Verdict == "correct_plate" && v.Reason == "" && v.Plate != "",
			v.Verdict == "reject" && slices.Contains([]string{"two_vehicles", "not_legible", "device_doubtful", "priority_vehicle", "vehicle_differs", "picture_missing_or_bad"}, v.Reason):
		default:
			t.Errorf("%+v", v)
		}
		if (v.Scene == "") != (v.Find == "no_picture") || (v.Scene != "" && store.damaged[schemas.Sum([]byte(v.Scene))]) != (v.Find == "damaged_file") {
			t.Errorf("%s with picture %s, of the damaged %v", v.Find, v.Scene, store.damaged)
		}
	}
	for _, x := range traffic.Truth().Speeds() {
		if _, ok := verdicts[x.Read]; !ok {
			t.Errorf("the speed offence of read %s has no verdict", x.Read)
		}
	}
	if count["nothing"] < 10 || len(count) < 4 {
		t.Errorf("found %v of %d reads: too few to say anything", count, len(reads))
	}
	t.Log(count)
}

// In the demo an agent decides offences of speed: most of them can be confirmed, although the many held ones of the zone have pictures too.
func TestWhatIsDecidedTodayHasPicturesBeforeWhatIsHeld(t *testing.T) {
	traffic, _ := pictureTrafficAt(t, testCity(t, 5), newAlbum(), 700, 7000)
	find := map[schemas.ReadID]string{}
	bare := 0
	for _, v := range traffic.Truth().Verdicts() {
		find[v.Read] = v.Find
		if v.Find == "no_picture" {
			bare++
		}
	}
	speeds, without := traffic.Truth().Speeds(), 0
	for _, x := range speeds {
		if find[x.Read] == "no_picture" {
			without++
		}
	}
	if len(speeds) < 8 || without*5 > len(speeds) || bare < 50 {
		t.Errorf("%d of %d offences of speed have no picture, of all %d; want at most one in five although pictures are scarce", without, len(speeds), bare)
	}
	t.Log(without, len(speeds), bare)
}

func TestAStoreThatFailsLeavesReadsWithoutPicturesAndIsReported(t *testing.T) {
	store := newAlbum()
	store.fail = errors.New("the disk is full")
	traffic, reads := pictureTraffic(t, testCity(t, 5), store, 1000)
	if err := traffic.PictureFailure(); !errors.Is(err, store.fail) {
		t.Errorf("got %v", err)
	}
	for _, m := range reads {
		if len(m.ImageSha256) > 0 || m.ImageKinds != "" {
			t.Fatalf("%x names a picture that is not stored", m.ReadId)
		}
	}
	for _, v := range traffic.Truth().Verdicts() {
		if v.Reason != "picture_missing_or_bad" {
			t.Errorf("%+v", v)
		}
	}
}

// Pictures are drawn ahead: a run with them has the reads of a run without, each picture is stored before its read is
// handed over, and a run that is stopped ends.
func TestARunStoresPicturesBeforeTheirReads(t *testing.T) {
	store := newAlbum()
	var checked, missing int
	cfg := RunConfig{
		City: testCity(t, 5), Traffic: TrafficConfig{Seed: 5, Rate: 500, Pictures: store}, Target: NewFileTarget(new(sizer), false), Count: 1500, FullSpeed: true,
	}
	cfg.Handing = func(ev *Event, _ time.Time) {
		if sum := ev.t.imageSum(&ev.read); !sum.IsZero() {
			if checked++; !store.has(sum[:]) {
				missing++
			}
		}
	}
	res, err := Run(t.Context(), cfg)
	if err != nil || !res.Complete() || res.Scheduled != 1500 || res.Truth.Produced != 1500 {
		t.Fatalf("got %+v, %v", res, err)
	}
	if checked == 0 || missing > 0 {
		t.Errorf("%d reads with a picture, %d of them not stored", checked, missing)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cfg.Handing = func(ev *Event, _ time.Time) {
		if ev.Index == 100 {
			cancel()
		}
	}
	cfg.Target, cfg.Count = NewFileTarget(new(sizer), false), 1_000_000
	if res, err = Run(ctx, cfg); err != nil || res.Scheduled > 1000 {
		t.Errorf("a run that was stopped: %+v, %v", res, err)
	}
}
