package bench

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/gvc-brussels/anpr/schemas"
	"github.com/gvc-brussels/anpr/schemas/proto/anprv1"
)

var testDay = schemas.DayOf(2026, time.November, 21)

func testCity(t testing.TB, seed uint64, change ...func(*CityConfig)) *City {
	t.Helper()
	cfg := CityConfig{Seed: seed, Cameras: 60, Temporary: 8, Vehicles: 20_000, ListEntries: 400, ListedDrive: 100, At: testDay.Start() + 7*schemas.Hour}
	for _, f := range change {
		f(&cfg)
	}
	c, err := NewCity(cfg)
	if err != nil {
		t.Fatalf("city of seed %d: %v", seed, err)
	}
	return c
}

func testTraffic(t testing.TB, c *City, cfg TrafficConfig) *Traffic {
	t.Helper()
	tr, err := c.Traffic(cfg)
	if err != nil {
		t.Fatalf("traffic of seed %d: %v", cfg.Seed, err)
	}
	return tr
}

// heavyNoise has so much noise that a short run holds every kind.
func heavyNoise() *Noise {
	return &Noise{
		Confused: 60_000, NoCountry: 20_000, Unreadable: 20_000, Malformed: 10_000, UnknownCamera: 10_000, ExpiredCamera: 10_000,
		ClockAhead: 10_000, ClockLost: 10_000, Retransmitted: 40_000, Parked: 3_000, Outage: 20_000,
		ParkedFor: 40 * time.Second, OutageFor: 30 * time.Second,
	}
}

func hashReads(t testing.TB, c *City, seed uint64, n int) string {
	tr := testTraffic(t, c, TrafficConfig{Seed: seed, Rate: 500})
	sum := sha256.New()
	var ev Event
	var buf []byte
	for range n {
		tr.Next(&ev)
		buf = ev.AppendRecord(buf[:0])
		fmt.Fprintln(sum, ev.Due, ev.Partition(12))
		sum.Write(buf)
	}
	for _, h := range tr.Truth().Hits() {
		fmt.Fprintln(sum, h)
	}
	for _, x := range tr.Truth().Speeds() {
		fmt.Fprintln(sum, x)
	}
	for _, x := range tr.Truth().LEZ() {
		fmt.Fprintln(sum, x)
	}
	return hex.EncodeToString(sum.Sum(nil))
}

func TestSameSeedGivesSameReadsAndTruth(t *testing.T) {
	a := hashReads(t, testCity(t, 7), 1, 10_000)
	if b := hashReads(t, testCity(t, 7), 1, 10_000); a != b {
		t.Errorf("10,000 reads of the same seeds hash to %s and %s", a, b)
	}
	if b := hashReads(t, testCity(t, 7), 2, 10_000); a == b {
		t.Error("another traffic seed gives the same reads")
	}
	if b := hashReads(t, testCity(t, 8), 1, 10_000); a == b {
		t.Error("another city seed gives the same reads")
	}
}

// derivedID is the id that the gateway gives to an upload, and the decoder to a record without one.
func derivedID(m *anprv1.PlateRead) schemas.ReadID {
	r := schemas.Read{
		Camera: m.CameraId, EventID: m.CameraEventId, CapturedAt: schemas.Micros(m.CapturedAtUs), RawPlate: m.RawPlate,
		CountryConfidence: schemas.PerMille(m.CountryConfidencePm), Confidence: schemas.PerMille(m.ConfidencePm), Lane: uint8(m.Lane),
		Direction: schemas.Direction(m.Direction), Speed: schemas.Speed(m.SpeedDkmh), Kind: schemas.VehicleKind(m.VehicleKind),
		Make: m.Make, Colour: m.Colour,
	}
	if len(m.ImageSha256) > 0 {
		r.Image = schemas.Sum(m.ImageSha256)
	}
	r.Country, _ = schemas.CountryFrom(m.Country)
	for _, c := range m.Candidates {
		r.Alternatives = append(r.Alternatives, schemas.Alternative{Plate: c.Plate, Confidence: schemas.PerMille(c.ConfidencePm)})
	}
	for _, sum := range m.MoreImagesSha256 {
		r.MoreImages = append(r.MoreImages, schemas.Sum(sum))
	}
	for _, x := range m.Measures {
		r.Measures = append(r.Measures, schemas.Measure{Name: schemas.MeasureName(x.Name), Value: x.Value, Uncertainty: x.Uncertainty, Device: x.Device})
	}
	return schemas.NewReadID(&r)
}

func TestRecordIsWhatProtobufWouldWrite(t *testing.T) {
	city := testCity(t, 3, func(cfg *CityConfig) { cfg.Signs = true })
	tr := testTraffic(t, city, TrafficConfig{Seed: 3, Rate: 500, Noise: heavyNoise(), Pictures: newAlbum()})
	tr.eye.painter = sketcher{}
	var ev Event
	kindsSeen := map[Kind]int{}
	measured, second := 0, 0
	for range 20_000 {
		tr.Next(&ev)
		kindsSeen[ev.Kind]++
		if ev.Kind == Malformed {
			continue
		}
		wire := ev.AppendRecord(nil)
		var m, fromJSON, upload anprv1.PlateRead
		if err := proto.Unmarshal(wire, &m); err != nil {
			t.Fatalf("read %d: %v", ev.Index, err)
		}
		measured += len(m.Measures)
		second += boolToInt(len(m.MoreImagesSha256) == 2)
		again, err := proto.MarshalOptions{Deterministic: true}.Marshal(&m)
		if err != nil || !bytes.Equal(wire, again) {
			t.Fatalf("read %d: got %x, proto.Marshal gives %x (%v)", ev.Index, wire, again, err)
		}
		if err := protojson.Unmarshal(ev.AppendRecordJSON(nil), &fromJSON); err != nil {
			t.Fatalf("read %d: JSON %s: %v", ev.Index, ev.AppendRecordJSON(nil), err)
		}
		if !proto.Equal(&m, &fromJSON) {
			t.Fatalf("read %d: JSON gives %v, Protobuf %v", ev.Index, &fromJSON, &m)
		}
		if err := proto.Unmarshal(ev.AppendUpload(nil), &upload); err != nil {
			t.Fatalf("upload %d: %v", ev.Index, err)
		}
		m.ReadId = nil
		if got := derivedID(&m); got != ev.ReadID() {
			t.Fatalf("read %d: its id is %s, the pipeline derives %s", ev.Index, ev.ReadID(), got)
		}
		m.ReceivedAtUs = 0
		if !proto.Equal(&m, &upload) {
			t.Fatalf("upload %d: got %v, want %v", ev.Index, &upload, &m)
		}
	}
	for k := range kinds {
		if kindsSeen[k] == 0 {
			t.Errorf("no read of kind %v in 20,000 of heavy dirt", k)
		}
	}
	if measured == 0 || second == 0 {
		t.Errorf("%d reads with a measure, %d with a second picture: too few to say anything", measured, second)
	}
}

// decoded is a read as a consumer sees it.
type decoded struct {
	anprv1.PlateRead
	kind Kind
	due  time.Duration
}

func collectEvents(t *testing.T, tr *Traffic, n int) []*decoded {
	t.Helper()
	out := make([]*decoded, n)
	var ev Event
	for i := range out {
		tr.Next(&ev)
		out[i] = &decoded{kind: ev.Kind, due: ev.Due}
		if ev.Kind == Malformed {
			if err := proto.Unmarshal(ev.AppendRecord(nil), &out[i].PlateRead); err == nil {
				t.Fatalf("read %d is called malformed and parses", i)
			}
			continue
		}
		if err := proto.Unmarshal(ev.AppendRecord(nil), &out[i].PlateRead); err != nil {
			t.Fatalf("read %d: %v", i, err)
		}
	}
	return out
}

// TestTruthAgreesWithTheReads counts everything again from the bytes alone, and from the registry.
func TestTruthAgreesWithTheReads(t *testing.T) {
	c := testCity(t, 11)
	tr := testTraffic(t, c, TrafficConfig{Seed: 5, Rate: 400, Noise: heavyNoise()})
	const n = 60_000
	reads := collectEvents(t, tr, n)
	ids := map[string]int{}
	reasons := map[schemas.Reason]uint64{}
	var retransmitted uint64
	for _, r := range reads {
		reason := judgeRead(c, r)
		if reason != schemas.ReasonNone {
			reasons[reason]++
			continue
		}
		if ids[string(r.ReadId)]++; ids[string(r.ReadId)] > 1 {
			retransmitted++
		}
	}
	h := tr.Truth()
	if got, want := h.Produced, uint64(n); got != want {
		t.Errorf("produced: got %d, want %d", got, want)
	}
	if got, want := h.Unique, uint64(len(ids)); got != want {
		t.Errorf("unique: truth %d, counted %d", got, want)
	}
	if got, want := h.Retransmissions, retransmitted; got != want {
		t.Errorf("retransmissions: truth %d, counted %d", got, want)
	}
	if h.Unique+h.Retransmissions+h.Rejected != h.Produced {
		t.Errorf("unique %d + retransmissions %d + rejected %d != produced %d", h.Unique, h.Retransmissions, h.Rejected, h.Produced)
	}
	for r, want := range reasons {
		if got := h.Rejects()[r]; got != want {
			t.Errorf("rejects %v: truth %d, counted %d", r, got, want)
		}
	}
	if len(h.Rejects()) != 6 || h.LateUploads == 0 || h.ParkedRepeats == 0 || len(h.Hits()) == 0 || len(h.Speeds()) == 0 || len(h.LEZ()) == 0 {
		t.Errorf("the run does not hold everything: rejects %v, late %d, parked %d, hits %d, speeds %d, lez %d",
			h.Rejects(), h.LateUploads, h.ParkedRepeats, len(h.Hits()), len(h.Speeds()), len(h.LEZ()))
	}
}

// judgeRead is what a pipeline would reject, from the decoded record and the registry.
func judgeRead(c *City, r *decoded) schemas.Reason {
	if len(r.ReadId) == 0 {
		return schemas.ReasonMalformed
	}
	i, known := c.byID[r.CameraId]
	captured, received := schemas.Micros(r.CapturedAtUs), schemas.Micros(r.ReceivedAtUs)
	switch {
	case !known:
		return schemas.ReasonUnknownCamera
	case captured > received+26*schemas.Hour:
		return schemas.ReasonClockAhead
	case captured < received-366*24*schemas.Hour:
		return schemas.ReasonClockBehind
	case !c.cameras[i].ValidAt(captured):
		return schemas.ReasonCameraExpired
	case canonicalPlate(r.RawPlate).IsZero() || r.RawPlate == "unknown" || r.RawPlate == "noPlate" || r.RawPlate == "NO PLATE":
		return schemas.ReasonPlateUnread
	}
	return schemas.ReasonNone
}

func canonicalPlate(raw string) schemas.Plate {
	var b []byte
	for _, ch := range []byte(raw) {
		switch {
		case ch >= 'a' && ch <= 'z':
			b = append(b, ch-32)
		case ch >= 'A' && ch <= 'Z' || ch >= '0' && ch <= '9':
			b = append(b, ch)
		}
	}
	p, _ := schemas.PlateFrom(b)
	return p
}

// TestHitsAgreeWithANaiveMatch matches every accepted read against every entry.
func TestHitsAgreeWithANaiveMatch(t *testing.T) {
	c := testCity(t, 12)
	tr := testTraffic(t, c, TrafficConfig{Seed: 6, Rate: 300, Noise: heavyNoise(), ListedShare: 50_000})
	reads := collectEvents(t, tr, 30_000)
	type key struct {
		entry, site string
		match       schemas.Match
	}
	counted := map[key]bool{}
	for _, r := range reads {
		if judgeRead(c, r) != schemas.ReasonNone {
			continue
		}
		p := canonicalPlate(r.RawPlate)
		site, _ := c.SiteOf(r.CameraId)
		at := schemas.Micros(r.CapturedAtUs)
		for i := range c.entries {
			e := &c.entries[i]
			if e.Plate.Class() != p.Class() || at < e.ValidFrom || e.ValidTo != 0 && at >= e.ValidTo {
				continue
			}
			if e.Country != (schemas.Country{}) && r.Country != "" && e.Country.String() != r.Country {
				t.Fatalf("entry %s is of %v and read as %s: what it matches is undecided", e.ID, e.Country, r.Country)
			}
			if e.Plate == p {
				counted[key{e.ID, site, schemas.MatchExact}] = true
			} else if e.Confusable {
				counted[key{e.ID, site, schemas.MatchConfusable}] = true
			}
		}
	}
	truth := map[key]bool{}
	var confusable int
	for _, h := range tr.Truth().Hits() {
		truth[key{h.Entry, h.Site, h.Match}] = true
		confusable += boolToInt(h.Match == schemas.MatchConfusable)
	}
	for k := range counted {
		if !truth[k] {
			t.Errorf("the truth lacks %v", k)
		}
	}
	for k := range truth {
		if !counted[k] {
			t.Errorf("the truth has %v, which no read gives", k)
		}
	}
	if len(truth) < 50 || confusable == 0 {
		t.Errorf("%d hits, %d by confusion: too few to mean anything", len(truth), confusable)
	}
}

func TestAboutOneMeasuredPassingInAHundredIsAnOffence(t *testing.T) {
	tr := testTraffic(t, testCity(t, 13), TrafficConfig{Seed: 7, Rate: 300})
	var ev Event
	for range 200_000 {
		tr.Next(&ev)
	}
	h := tr.Truth()
	perMille := int(uint64(len(h.Speeds())) * 1000 / h.Measured)
	if perMille < 7 || perMille > 14 {
		t.Errorf("%d offences of %d measured passings: %d per mille, want about 10", len(h.Speeds()), h.Measured, perMille)
	}
	for _, s := range h.Speeds() {
		if s.Corrected <= s.Limit || s.Corrected%10 != 0 || s.Corrected >= s.Measured {
			t.Fatalf("measured %d, corrected %d, limit %d is no offence", s.Measured, s.Corrected, s.Limit)
		}
	}
}

func TestCorrectionRoundsForTheDriver(t *testing.T) {
	f := func(measured, want schemas.Speed) {
		t.Helper()
		if got := subtractMargin(measured); got != want {
			t.Errorf("correct(%d): got %d, want %d", measured, got, want)
		}
	}
	f(540, 480)
	f(369, 300)
	f(370, 310)
	f(1000, 940)
	f(1001, 940)
	f(1300, 1220)
	f(1288, 1210)
	f(1287, 1200)
	f(50, 0)
}

// TestVehiclesPassSitesInOrder follows each vehicle: successive sites must be joined by a road, with enough time to
// drive it.
func TestVehiclesPassSitesInOrder(t *testing.T) {
	c := testCity(t, 14)
	tr := testTraffic(t, c, TrafficConfig{Seed: 8, Rate: 60, Noise: &Noise{}})
	type seen struct {
		site string
		at   schemas.Micros
	}
	last := map[string]seen{}
	var moves, byRoad int
	for _, r := range collectEvents(t, tr, 60_000) {
		plate := canonicalPlate(r.RawPlate).String()
		site, _ := c.SiteOf(r.CameraId)
		at := schemas.Micros(r.CapturedAtUs)
		if was, ok := last[plate]; ok && was.site != site {
			moves++
			byRoad += boolToInt(c.areJoined(was.site, site))
			if at < was.at+5*schemas.Second {
				t.Fatalf("a vehicle is at %s %v after %s", site, at-was.at, was.site)
			}
		}
		last[plate] = seen{site, at}
	}
	if moves < 5_000 || byRoad*100 < moves*90 {
		t.Errorf("%d of %d moves follow a road: want at least 90 in 100 of many (the rest are new journeys)", byRoad, moves)
	}
}

func (c *City) areJoined(a, b string) bool {
	for i := range c.sites {
		if c.sites[i].name == a {
			for _, e := range c.sites[i].roads {
				if c.sites[e.to].name == b {
					return true
				}
			}
		}
	}
	return false
}

// TestReadsOfAPassingComeTogether is what a passage window relies on.
func TestReadsOfAPassingComeTogether(t *testing.T) {
	for _, rate := range []int{20, 200, 600} {
		tr := testTraffic(t, testCity(t, 15, func(c *CityConfig) { c.Vehicles = 100_000 }), TrafficConfig{Seed: 9, Rate: rate, Noise: &Noise{}})
		var ev Event
		type place struct {
			vehicle uint32
			site    string
		}
		last := map[place]schemas.Micros{}
		var together int
		for range 30_000 {
			tr.Next(&ev)
			k := place{ev.read.vehicle, tr.city.cameras[ev.read.camera].Site}
			if at, ok := last[k]; ok {
				together++
				if gap := time.Duration(ev.Received-at) * time.Microsecond; gap > 4*time.Second && gap < 30*time.Second {
					t.Fatalf("rate %d (hurry %d): reads of a vehicle at a site %v apart: neither one passing nor two", rate, tr.Hurry(), gap)
				}
			}
			last[k] = ev.Received
		}
		if together < 1000 {
			t.Errorf("rate %d: only %d second reads of a passing in 30,000", rate, together)
		}
	}
}

func TestFlatScheduleIsExact(t *testing.T) {
	for _, rate := range []int{1, 3, 7000, 999_983} {
		tr := testTraffic(t, testCity(t, 16), TrafficConfig{Rate: rate, Compress: 2})
		var ev Event
		for i := range 5_000 {
			tr.Next(&ev)
			if want := time.Duration(i) * time.Second / time.Duration(rate); ev.Due != want {
				t.Fatalf("rate %d, read %d: due %v, want %v", rate, i, ev.Due, want)
			}
			if want := tr.cfg.Start + schemas.Micros(ev.Due.Nanoseconds()*2/1000); ev.Received != want {
				t.Fatalf("rate %d, read %d: received %v, want %v", rate, i, ev.Received, want)
			}
		}
	}
}

// TestRushHourFollowsTheDay compresses a day into ten minutes and counts per hour.
func TestRushHourFollowsTheDay(t *testing.T) {
	c := testCity(t, 17)
	const rate, compress = 400, 144
	tr := testTraffic(t, c, TrafficConfig{Seed: 1, Rate: rate, Compress: compress, Profile: RushHour, Start: testDay.Start()})
	var perHour [24]int
	var ev Event
	for {
		tr.Next(&ev)
		h := int((ev.Received - testDay.Start()) / schemas.Hour)
		if h >= 24 {
			break
		}
		perHour[h]++
	}
	total := 0
	for _, n := range perHour {
		total += n
	}
	if want := rate * 600; total < want*98/100 || total > want*102/100 {
		t.Errorf("a day in ten minutes at %d/s: got %d reads, want about %d", rate, total, want)
	}
	if ev.Due < 599*time.Second || ev.Due > 601*time.Second {
		t.Errorf("the day ends after %v, want 10 minutes", ev.Due)
	}
	if perHour[8] < 9*perHour[3] || perHour[17] < 9*perHour[3] {
		t.Errorf("peaks are no peaks: 3 h %d, 8 h %d, 17 h %d", perHour[3], perHour[8], perHour[17])
	}
	var sum int64
	for _, w := range hourly {
		sum += w
	}
	if sum != 24_000 {
		t.Errorf("the hours weigh %d per mille, want 24,000", sum)
	}
}

func TestEncodingDoesNotAllocate(t *testing.T) {
	tr := testTraffic(t, testCity(t, 18), TrafficConfig{Rate: 1000})
	var ev Event
	buf := make([]byte, 0, 1024)
	tr.Next(&ev)
	for name, f := range map[string]func(){
		"record": func() { buf = ev.AppendRecord(buf[:0]) },
		"upload": func() { buf = ev.AppendUpload(buf[:0]) },
		"json":   func() { buf = ev.AppendRecordJSON(buf[:0]) },
	} {
		if n := testing.AllocsPerRun(200, f); n != 0 {
			t.Errorf("%s: %v allocations a read, want 0", name, n)
		}
	}
}
