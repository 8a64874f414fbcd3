package schemas

import (
	"testing"
	"time"
)

func TestIDsAreStableAndReadBack(t *testing.T) {
	read := func(change func(*Read)) ReadID {
		r := &Read{Camera: "BRU-0001", EventID: "e", CapturedAt: 1_795_000_000_000_000, RawPlate: "1-ABC-123", Alternatives: []Alternative{{Plate: "1A8C123", Confidence: 400}}}
		change(r)
		return NewReadID(r)
	}
	id := read(func(*Read) {})
	for name, same := range map[string]func(*Read){
		"nothing":     func(*Read) {},
		"receipt":     func(r *Read) { r.ReceivedAt = 7 },
		"flags":       func(r *Read) { r.Flags = FlagLate | FlagLateUpload | FlagClockSuspect },
		"format":      func(r *Read) { r.Format = "axis" },
		"earlier id":  func(r *Read) { r.ID = ReadID{ID{1}} },
		"derivations": func(r *Read) { r.Plate, r.Class = MustPlate("1ABC123"), MustPlate("1ABC123").Class() },
	} {
		if got := read(same); got != id {
			t.Errorf("with another %s: got %s, want the same id %s", name, got, id)
		}
	}
	seen := map[ReadID]string{id: "nothing"}
	for name, change := range map[string]func(*Read){
		"camera": func(r *Read) { r.Camera = "BRU-0002" }, "event": func(r *Read) { r.EventID = "" }, "time": func(r *Read) { r.CapturedAt++ },
		"plate": func(r *Read) { r.RawPlate = "1-ABC-124" }, "country": func(r *Read) { r.Country = Belgium },
		"country confidence": func(r *Read) { r.CountryConfidence = 1 }, "confidence": func(r *Read) { r.Confidence = 1 },
		"lane": func(r *Read) { r.Lane = 1 }, "direction": func(r *Read) { r.Direction = Approaching }, "speed": func(r *Read) { r.Speed = 1 },
		"kind": func(r *Read) { r.Kind = KindCar }, "make": func(r *Read) { r.Make = "x" }, "colour": func(r *Read) { r.Colour = "x" },
		"picture": func(r *Read) { r.Image[31] = 1 }, "alternative": func(r *Read) { r.Alternatives[0].Plate = "1A8C12" },
		"alternative's confidence": func(r *Read) { r.Alternatives[0].Confidence = 401 }, "alternatives": func(r *Read) { r.Alternatives = nil },
		"picture beside it": func(r *Read) { r.MoreImages = []Sum{{}} }, "pictures beside it": func(r *Read) { r.MoreImages = []Sum{{}, {1}} },
		"border between fields": func(r *Read) { r.Camera, r.EventID = "BRU-000", "1e" },
	} {
		got := read(change)
		if as, twice := seen[got]; twice {
			t.Errorf("another %s: the id of another %s", name, as)
		}
		seen[got] = name
	}
	back, err := ParseID(id.String())
	if err != nil || back != id.ID {
		t.Errorf("%s reads back as %v, %v", id, back, err)
	}
	for _, bad := range []string{"", "zz", id.String() + "0", id.String()[:35] + "g"} {
		if _, err := ParseID(bad); err == nil {
			t.Errorf("ParseID(%q) succeeds", bad)
		}
	}
	if PassageIDOf(id).ID == id.ID {
		t.Error("a passage has the id of its read")
	}
}

func TestClassIsIdempotentAndJoinsConfusables(t *testing.T) {
	for _, same := range [][2]string{{"1ABC128", "IABC12B"}, {"2XYZ001", "ZXYZOQ1"}, {"5GD", "S60"}} {
		a, b := MustPlate(same[0]).Class(), MustPlate(same[1]).Class()
		if a != b || a.Class() != a {
			t.Errorf("%s and %s have classes %s and %s", same[0], same[1], a, b)
		}
		if Partition(a, "x", 7) != Partition(b, "y", 7) {
			t.Errorf("%s and %s are in two partitions", same[0], same[1])
		}
	}
	if MustPlate("1ABC123").Class() == MustPlate("1ABC124").Class() {
		t.Error("3 and 4 are one class")
	}
	for _, bad := range []string{"", "1ABC-123", "1abc123", "1234567890123456"} {
		if _, ok := PlateFrom(bad); ok {
			t.Errorf("PlateFrom(%q) succeeds", bad)
		}
	}
}

func TestDaysAreThoseOfBrussels(t *testing.T) {
	d, err := ParseDay("2026-07-01")
	if err != nil {
		t.Fatal(err)
	}
	if got := d.Start().Time(); got != time.Date(2026, 6, 30, 22, 0, 0, 0, time.UTC) {
		t.Errorf("1 July 2026 begins at %v", got)
	}
	if (d.Start()-1).Day() != d-1 || d.Start().Day() != d {
		t.Error("midnight is not where the day changes")
	}
	for in, want := range map[string]string{"2026-01-31": "2026-02-28", "2024-01-31": "2024-02-29", "2026-11-15": "2026-12-15", "2026-12-31": "2027-01-31"} {
		from, err := ParseDay(in)
		if err != nil || from.AddMonths(1).String() != want {
			t.Errorf("%s plus a month is %s, want %s (%v)", in, from.AddMonths(1), want, err)
		}
	}
}

func TestEveryEnumValueHasItsNameBack(t *testing.T) {
	for _, r := range Reasons() {
		if back, ok := ParseReason(r.String()); !ok || back != r {
			t.Errorf("reason %d is named %q", r, r)
		}
	}
	if len(euroNames) != int(euroEnd) || len(fuelNames) != int(fuelEnd) || len(categoryNames) != int(categoryEnd) ||
		len(outcomeNames) != int(outcomeEnd) || len(kindNames) != int(kindEnd) || len(directionNames) != int(directionEnd) {
		t.Error("a value has no name")
	}
}

func TestCameraAnswersForItsTime(t *testing.T) {
	c := Camera{
		Zone: "5339", ValidFrom: 10, ValidTo: 100, Loans: []Loan{{"5340", 20, 30}}, Certificates: []Certificate{{Serial: "a", ValidFrom: 10, ValidTo: 50}},
		Lanes: []Lane{{Number: 2, Direction: Approaching, LEZExcluded: true}, {Number: 0}},
	}
	if c.ValidAt(9) || !c.ValidAt(10) || c.ValidAt(100) {
		t.Error("validity is not [from, to)")
	}
	if c.ZoneAt(19) != "5339" || c.ZoneAt(20) != "5340" || c.ZoneAt(30) != "5339" {
		t.Error("a loan is not [from, to)")
	}
	if c.CertificateAt(50) != nil || c.CertificateAt(49) == nil {
		t.Error("a certificate is not [from, to)")
	}
	if !c.Lane(2, Approaching).LEZExcluded || c.Lane(2, Departing).LEZExcluded {
		t.Error("the first lane that fits is not the one used")
	}
}
