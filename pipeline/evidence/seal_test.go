package evidence

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/gvc-brussels/anpr/schemas"
)

func id(c byte) schemas.ID     { return schemas.ID(bytes.Repeat([]byte{c}, 16)) }
func sumOf(c byte) schemas.Sum { return schemas.Sum(bytes.Repeat([]byte{c}, 32)) }

// decision is a speed offence with no field left zero.
func decision() *schemas.Decision {
	return &schemas.Decision{
		Rule: "fed.speed.spot", RuleVersion: "2017-05-01", Family: "speed", Outcome: schemas.OutcomeOffence, Reason: "over_limit",
		Passage: schemas.PassageID{ID: id(0x11)},
		On: schemas.Sighting{
			Read: schemas.ReadID{ID: id(0x22)}, Camera: "BXL-0417", CapturedAt: 1795269600123456, ReceivedAt: 1795269600473456,
			Plate: schemas.MustPlate("1ABC123"), Country: schemas.Belgium, CountryConfidence: 880, Confidence: 925, Lane: 2, Direction: schemas.Departing, Kind: schemas.KindCar,
			Speed: 710, Flags: schemas.FlagLate, Image: sumOf(0x33),
			Make: "Fiat", Colour: "red",
		},
		Offence: schemas.OffenceID{ID: id(0x44)}, Certain: true, HoldUntil: 1795269600000000, AmountCents: 10800,
		Measures: []schemas.Measure{
			{Name: schemas.MeasuredSpeed, Value: 710, Uncertainty: 30, Device: "NMI-7"},
			{Name: schemas.CorrectedSpeed, Value: 650, Uncertainty: 1, Device: "LAB-1"},
			{Name: schemas.AllowedSpeed, Value: 500, Uncertainty: 2, Device: "SIGN-4"},
		},
		LegalBasis: "RD 12/10/2010, annex 2, art. 5.2", Verified: true,
		Trace: []schemas.Step{
			{Code: "speed.corrected", Holds: true, Args: []string{"71.0", "65.0"}, Basis: "RD 12/10/2010", Verified: true},
			{Code: "speed.over", Holds: true, Args: []string{"15"}, Verified: true},
		},
		CatalogueVersion: "9c1a", ReferenceVersion: "3f9c2a10d4b7",
	}
}

// earlier is decision in the forms before measures: with three speeds.
func earlier() *schemas.Decision {
	d := decision()
	d.Measures = schemas.SpeedMeasures(710, 650, 500)
	return d
}

// goldenBytes spells out decision's sealed bytes by hand, in every version. A change here breaks every seal ever made,
// and needs a new version.
func goldenBytes(form int) []byte {
	text := func(s string) string { return fmt.Sprintf("%08x%x", len(s), s) }
	rep := strings.Repeat
	more, certain := fmt.Sprintf("%04x", 880)+text("Fiat")+text("red"), "01"
	if form == 1 {
		more, certain = "", ""
	}
	speeds, measures := "000002c6"+"0000028a"+"000001f4", ""
	if form == 3 {
		speeds, measures = "", "00000003"+
			text("measured_speed_dkmh")+fmt.Sprintf("%016x%016x", 710, 30)+text("NMI-7")+
			text("corrected_speed_dkmh")+fmt.Sprintf("%016x%016x", 650, 1)+text("LAB-1")+
			text("limit_dkmh")+fmt.Sprintf("%016x%016x", 500, 2)+text("SIGN-4")
	}
	h := strings.Join([]string{
		fmt.Sprintf("%02x", form), rep("99", 32), text("fed.speed.spot"), text("2017-05-01"), text("speed"), "01", text("over_limit"), rep("11", 16),
		rep("22", 16), text("BXL-0417"), fmt.Sprintf("%016x", 1795269600123456), fmt.Sprintf("%016x", 1795269600473456),
		text("1ABC123"), text("BE"), "039d", "02", "02", "01", "000002c6", "02", rep("33", 32), more,
		rep("44", 16), certain, fmt.Sprintf("%016x", 1795269600000000), speeds, "0000000000002a30", measures,
		text("RD 12/10/2010, annex 2, art. 5.2"), "01",
		"00000002",
		text("speed.corrected"), "01", "00000002", text("71.0"), text("65.0"), text("RD 12/10/2010"), "01",
		text("speed.over"), "01", "00000001", text("15"), text(""), "01",
		text("9c1a"), text("3f9c2a10d4b7"),
	}, "")
	b, err := hex.DecodeString(h)
	if err != nil {
		panic("BUG: " + err.Error())
	}
	return b
}

// goldenSeals are the golden bytes' seals by form.
var goldenSeals = map[int]string{
	1: "d857fc2271127b6f4666686ea6daa97ec1c46fff038f5da9b560f843ed2c7c59",
	2: "375c1c0d0b53de75d217620aed839969baad70f6ee3b172c275a027985bb1cb4",
	3: "f37ba0baaaeab432b17eda31c967455183f2b3443526fe566185a035e18d95ca",
}

func TestSealIsTheDocumentedHash(t *testing.T) {
	d := decision()
	Seal(d, sumOf(0x99))
	if got, want := AppendSealed(nil, d), goldenBytes(3); !bytes.Equal(got, want) {
		t.Errorf("bytes\ngot  %x\nwant %x", got, want)
	}
	if got, want := d.Seal, schemas.Sum(sha256.Sum256(goldenBytes(3))); got != want {
		t.Errorf("seal got %x, want %x", got, want)
	}
	if got := hex.EncodeToString(d.Seal[:]); got != goldenSeals[3] {
		t.Errorf("golden seal got %s, want %s", got, goldenSeals[3])
	}
	if err := Verify(d, sumOf(0x99)); err != nil {
		t.Error(err)
	}
}

func TestSealsOfEveryEarlierFormStillVerify(t *testing.T) {
	for form := 1; form < newestForm; form++ {
		b := goldenBytes(form)
		d, err := ParseSealed(b)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(d.Measures, earlier().Measures) {
			t.Errorf("form %d: measures %+v", form, d.Measures)
		}
		d.Seal, d.Sealed = sha256.Sum256(b), b
		if err := Verify(&d, sumOf(0x99)); err != nil || hex.EncodeToString(d.Seal[:]) != goldenSeals[form] {
			t.Errorf("form %d: seal %x, err %v, want %s", form, d.Seal, err, goldenSeals[form])
		}
		for name, change := range map[string]func(*schemas.Decision){
			"amount":                  func(d *schemas.Decision) { d.AmountCents++ },
			"speed":                   func(d *schemas.Decision) { d.Measures[1].Value++ },
			"a speed beyond the form": func(d *schemas.Decision) { d.Measures[0].Value += 1 << 32 },
			"an uncertainty":          func(d *schemas.Decision) { d.Measures[0].Uncertainty = 1 },
			"a device":                func(d *schemas.Decision) { d.Measures[2].Device = "NMI-7" },
			"another measure": func(d *schemas.Decision) {
				d.Measures = append(d.Measures, schemas.Measure{Name: schemas.RedTime, Value: 1})
			},
			"a measure of 0": func(d *schemas.Decision) {
				d.Measures = append(d.Measures, schemas.Measure{Name: schemas.AllowedSpeed})
			},
			"a speed twice": func(d *schemas.Decision) { d.Measures = append(d.Measures, d.Measures[2]) },
			"the order":     func(d *schemas.Decision) { d.Measures[0], d.Measures[1] = d.Measures[1], d.Measures[0] },
		} {
			other := d
			other.Measures = append([]schemas.Measure(nil), d.Measures...)
			change(&other)
			if err := Verify(&other, sumOf(0x99)); !errors.Is(err, ErrContent) {
				t.Errorf("form %d, %s changed: got %v", form, name, err)
			}
		}
	}
}

func TestADecisionMadeAgainHasItsSealInWhateverFormItWasMade(t *testing.T) {
	d, prev := earlier(), sumOf(0x99)
	for form := 1; form <= newestForm; form++ {
		b := appendForm(nil, func() *schemas.Decision { d := earlier(); d.PrevSeal = prev; return d }(), byte(form))
		if form < newestForm && !bytes.Equal(b, goldenBytes(form)) {
			t.Fatalf("form %d is not its golden bytes", form)
		}
		seal := schemas.Sum(sha256.Sum256(b))
		if !SealsTo(d, prev, seal) {
			t.Errorf("form %d: not its seal", form)
		}
		if SealsTo(d, sumOf(0x98), seal) || SealsTo(d, prev, sumOf(1)) {
			t.Errorf("form %d: another place in the chain, or another seal, is taken for it", form)
		}
	}
	if SealsTo(decision(), prev, sha256.Sum256(goldenBytes(2))) {
		t.Error("a device that form 2 has no place for is taken for none")
	}
	if d.PrevSeal != (schemas.Sum{}) {
		t.Error("it changed the decision")
	}
}

// leaf is a place in a decision that can be changed, with the changes to try.
type leaf struct {
	path    string
	changes []func()
	restore func()
}

var opaque = map[reflect.Type][]any{
	reflect.TypeFor[schemas.Plate](): {schemas.Plate{}, schemas.MustPlate("1ABC124"), schemas.MustPlate("1ABC12"), schemas.MustPlate("1ABC1230")},
}

// leaves walks a value by reflection, so that later fields in schemas.Decision are tried too.
func leaves(t *testing.T, path string, v reflect.Value) []leaf {
	old := reflect.New(v.Type()).Elem()
	old.Set(v)
	l := leaf{path: path, restore: func() { v.Set(old) }}
	if values, ok := opaque[v.Type()]; ok {
		for _, x := range values {
			l.changes = append(l.changes, func() { v.Set(reflect.ValueOf(x)) })
		}
		return []leaf{l}
	}
	var out []leaf
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			out = append(out, leaves(t, path+"."+v.Type().Field(i).Name, v.Field(i))...)
		}
		return out
	case reflect.Array:
		for i := range v.Len() {
			out = append(out, leaves(t, fmt.Sprintf("%s[%d]", path, i), v.Index(i))...)
		}
		return out
	case reflect.Slice:
		for i := range v.Len() {
			out = append(out, leaves(t, fmt.Sprintf("%s[%d]", path, i), v.Index(i))...)
		}
		l.changes = []func(){
			func() { v.Set(v.Slice(0, v.Len()-1)) },
			func() { v.Set(reflect.Append(v.Slice3(0, v.Len(), v.Len()), reflect.Zero(v.Type().Elem()))) },
		}
		if v.Len() > 1 { // one element less is not yet nothing
			l.changes = append(l.changes, func() { v.SetZero() })
		}
	case reflect.String:
		l.changes = []func(){
			func() { v.SetString(old.String()[1:] + "x") },
			func() { v.SetString(old.String() + "\x00") },
			func() { v.SetString("") },
		}
	case reflect.Bool:
		l.changes = []func(){func() { v.SetBool(!old.Bool()) }}
	case reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64, reflect.Int:
		for bit := range v.Type().Bits() {
			l.changes = append(l.changes, func() { v.SetInt((old.Int() ^ int64(1)<<bit) << (64 - v.Type().Bits()) >> (64 - v.Type().Bits())) })
		}
	case reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uint:
		for bit := range v.Type().Bits() {
			l.changes = append(l.changes, func() { v.SetUint(old.Uint() ^ uint64(1)<<bit) })
		}
	default:
		t.Fatalf("%s is a %s: teach the test to change one, and AppendSealed to encode it", path, v.Type())
	}
	return append(out, l)
}

func TestEveryChangeOfAnyFieldBreaksTheSeal(t *testing.T) {
	d := decision()
	d.Trace[1].Basis = "art. 1" // the walker changes characters, so no text may be empty
	prev := sumOf(0x99)
	Seal(d, prev)
	sealed := *d
	seen := map[string]string{hex.EncodeToString(AppendSealed(nil, d)): "the original"}
	tried := 0
	for _, l := range leaves(t, "Decision", reflect.ValueOf(d).Elem()) {
		// Skipped: the seal, and the fields that only exclude other offences in memory. The sealed trace has site and span.
		if strings.HasPrefix(l.path, "Decision.Seal") || strings.HasPrefix(l.path, "Decision.ExclusionKey") || l.path == "Decision.ExclusionSpan" {
			continue
		}
		for n, change := range l.changes {
			change()
			tried++
			if err := Verify(d, prev); !errors.Is(err, ErrContent) && !errors.Is(err, ErrChain) {
				t.Errorf("%s, change %d: verifies (%v)", l.path, n, err)
			}
			key, what := hex.EncodeToString(AppendSealed(nil, d)), fmt.Sprintf("%s, change %d", l.path, n)
			if before, twice := seen[key]; twice {
				t.Errorf("%s has the bytes of %s", what, before)
			}
			seen[key] = what
			l.restore()
		}
	}
	if !reflect.DeepEqual(*d, sealed) {
		t.Fatal("the walk did not restore the decision")
	}
	if err := Verify(d, prev); err != nil {
		t.Fatal(err)
	}
	if tried < 900 {
		t.Errorf("only %d changes tried: the walk has become weak", tried)
	}
}

func TestTextsCannotFlowIntoTheirNeighbours(t *testing.T) {
	f := func(what string, change func(d *schemas.Decision)) {
		t.Helper()
		a, b := decision(), decision()
		change(b)
		if bytes.Equal(AppendSealed(nil, a), AppendSealed(nil, b)) {
			t.Errorf("%s: same bytes", what)
		}
	}
	f("character moved from rule to version", func(d *schemas.Decision) { d.Rule, d.RuleVersion = "fed.speed.spo", "t2017-05-01" })
	f("argument moved to the next step", func(d *schemas.Decision) {
		d.Trace[0].Args, d.Trace[1].Args = []string{"71.0"}, []string{"65.0", "15"}
	})
	f("two arguments joined", func(d *schemas.Decision) { d.Trace[0].Args = []string{"71.065.0"} })
	f("steps exchanged", func(d *schemas.Decision) { d.Trace[0], d.Trace[1] = d.Trace[1], d.Trace[0] })
}

func TestVerifyNamesWhatIsWrong(t *testing.T) {
	prev := sumOf(0x99)
	f := func(change func(d *schemas.Decision), want ...error) {
		t.Helper()
		d := decision()
		Seal(d, prev)
		change(d)
		err := Verify(d, prev)
		for _, w := range want {
			if !errors.Is(err, w) {
				t.Errorf("got %v, want %v", err, w)
			}
		}
		if err == nil || !strings.Contains(err.Error(), "44444444-4444") || strings.Contains(err.Error(), "1ABC123") {
			t.Errorf("got %v, want the offence named and no plate", err)
		}
		if len(want) == 1 && errors.Is(err, ErrContent) != errors.Is(want[0], ErrContent) {
			t.Errorf("got %v, want only %v", err, want[0])
		}
	}
	f(func(d *schemas.Decision) { d.Seal = schemas.Sum{} }, ErrNotSealed)
	f(func(d *schemas.Decision) { d.AmountCents++ }, ErrContent)
	f(func(d *schemas.Decision) { Seal(d, sumOf(0x98)) }, ErrChain)
	f(func(d *schemas.Decision) { d.PrevSeal = sumOf(0x98) }, ErrChain, ErrContent)
}

func TestSealDoesNotAllocateAnOrdinaryDecision(t *testing.T) {
	d := decision()
	if n := testing.AllocsPerRun(100, func() { Seal(d, schemas.Sum{}) }); n != 0 {
		t.Errorf("%v allocations, want 0", n)
	}
}

func BenchmarkSeal(b *testing.B) {
	d := decision()
	b.ReportAllocs()
	for b.Loop() {
		Seal(d, d.Seal)
	}
}
