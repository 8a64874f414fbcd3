package gateway

import (
	"fmt"
	"strings"
	"testing"

	"github.com/gvc-brussels/anpr/schemas"
)

func plateOf(t testing.TB, s string) schemas.Plate {
	t.Helper()
	p, ok := schemas.PlateFrom(s)
	if !ok {
		t.Fatalf("%q is no plate", s)
	}
	return p
}

// TestAPlateThatNoVehicleCouldBeIsNoticed plays an hour of traffic in which one word comes between the vehicles.
func TestAPlateThatNoVehicleCouldBeIsNoticed(t *testing.T) {
	const start = 1_795_000_000 * schemas.Second / schemas.Hour * schemas.Hour
	play := func(n, vehicles int, every schemas.Micros, word func(i int) bool) (noted, accused, reports int) {
		var o frequentPlates
		now := start
		for i := range n {
			now += every
			plate := fmt.Sprintf("1AB%05d", i%vehicles)
			if word(i) {
				plate = "NOREAD"
			}
			often, report := o.countAppearance("c", plateOf(t, plate), 0, now-second, now)
			if report {
				reports++
			}
			switch {
			case often && plate == "NOREAD":
				noted++
			case often:
				accused++
			}
			if got := len(o.cams["c"].plates); got > maxPlateCounters {
				t.Fatalf("%d plates are remembered", got)
			}
		}
		return noted, accused, reports
	}
	third := func(i int) bool { return i%3 == 0 }
	if noted, accused, reports := play(900, 1_000_000, 3*second, third); noted < 200 || accused > 0 || reports != 1 {
		t.Errorf("every third read: %d noted, %d vehicles accused, %d reports, want most of 300, none, one", noted, accused, reports)
	}
	if noted, accused, _ := play(3500, 1_000_000, second, func(i int) bool { return i%20 == 0 }); noted < 20 || accused > 0 {
		t.Errorf("every twentieth read of dense traffic: %d noted, %d vehicles accused", noted, accused)
	}
	if noted, accused, _ := play(3500, 1_000_000, second, func(int) bool { return false }); noted+accused > 0 {
		t.Errorf("dense traffic of different vehicles: %d accused", accused)
	}
	if _, accused, _ := play(3500, 70, second, func(int) bool { return false }); accused > 0 {
		t.Errorf("vehicles that pass every 70 seconds: %d accused, want none below the bar", accused)
	}
	if _, accused, _ := play(3500, 1_000_000, second, func(i int) bool { return i < 400 }); accused > 0 {
		t.Errorf("a queue: %d accused", accused)
	}
	if noted, _, _ := play(120, 1, second, func(int) bool { return true }); noted > 0 {
		t.Errorf("a vehicle that stands for two minutes: %d noted", noted)
	}
	if noted, _, _ := play(900, 1_000_000, 4*minute, third); noted > 0 {
		t.Errorf("the word five times an hour: %d noted", noted)
	}
}

func TestABacklogAccusesNoPlate(t *testing.T) {
	var o frequentPlates
	now := 1_795_000_000 * schemas.Second
	for i := range 500 {
		if often, _ := o.countAppearance("c", plateOf(t, "1ABC123"), 0, now-schemas.Micros(500-i)*10*minute, now); often {
			t.Fatal("reads of many hours that came at once")
		}
	}
}

// TestAPlateTooOftenIsNotedAndTheCameraIsNamed goes through the gateway: every read is kept, and the log holds no
// plate.
func TestAPlateTooOftenIsNotedAndTheCameraIsNamed(t *testing.T) {
	rg := newRig(t, nil)
	notes := ""
	for i := range 2 * maxAppearances {
		rg.now.Add(15_000_000)
		body := fmt.Sprintf(`{"raw_plate":"NOREAD","captured_at_us":%d}`, rg.now.Load()-1)
		res := rg.send("cam-1/reads", "application/json", []byte(body))
		if res.code != 200 || res.answer.Reads[0].Outcome != "accepted" {
			t.Fatalf("read %d: got %d %+v", i, res.code, res)
		}
		notes = fmt.Sprint(res.answer.Reads[0].Notices)
	}
	if !strings.Contains(notes, string(NoticeOften)) {
		t.Errorf("the last read has the notes %s, want %s", notes, NoticeOften)
	}
	if n := strings.Count(rg.log.String(), "more often than a vehicle can pass"); n != 1 || strings.Contains(rg.log.String(), "NOREAD") {
		t.Errorf("the log names the camera %d times, want once and without the plate: %s", n, rg.log.String())
	}
	if len(rg.logged()) != 2*maxAppearances {
		t.Errorf("%d reads are kept of %d", len(rg.logged()), 2*maxAppearances)
	}
}
