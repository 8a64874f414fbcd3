package gateway

import (
	"fmt"
	"math/big"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/gvc-brussels/anpr/schemas"
)

func TestDecimalIsExact(t *testing.T) {
	f := func(s string, exp int, mode roundingMode, want string) {
		t.Helper()
		v, ok := parseDecimal(s, exp, mode)
		got := fmt.Sprint(v)
		if !ok {
			got = "none"
		}
		if got != want {
			t.Errorf("decimal(%q, %d, %t): got %s, want %s", s, exp, mode, got, want)
		}
	}
	f("92.5", 1, roundNearest, "925")
	f("92,5", 1, roundNearest, "925")
	f("92.075203", 1, roundNearest, "921")
	f("92.075203", 1, roundDown, "920")
	f("0.999", 3, roundNearest, "999")
	f("1", 3, roundNearest, "1000")
	f("9.25e1", 1, roundNearest, "925")
	f("1e-05", 3, roundNearest, "0")
	f("-1.5", 0, roundNearest, "-2")
	f(" 57.68 ", 1, roundDown, "576")
	f(".5", 1, roundDown, "5")
	f("5.", 1, roundDown, "50")
	f("0.12345678901234567890123456789", 3, roundNearest, "123")
	f("9223372036854775807", 1, roundDown, "none")
	f("1e999", 0, roundDown, "none")
	f("0e999", 0, roundDown, "0")
	for _, bad := range []string{"", " ", ".", "-", "1.2.3", "1e", "1e1.5", "0x10", "12a", "NaN", "+-1"} {
		f(bad, 0, roundDown, "none")
	}
}

// TestDecimalAgreesWithBigRationals compares with exact arithmetic on random decimal texts.
func TestDecimalAgreesWithBigRationals(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.StringMatching(`-?[0-9]{1,12}(\.[0-9]{1,4})?(e-?[0-3])?`).Draw(t, "text")
		exp := rapid.IntRange(0, 3).Draw(t, "exp")
		got, ok := parseDecimal(s, exp, roundDown)
		r, fine := new(big.Rat).SetString(s)
		if !fine || !ok {
			t.Fatalf("%q: parsed %t, by big %t", s, ok, fine)
		}
		r.Mul(r, new(big.Rat).SetInt64(int64([]int{1, 10, 100, 1000}[exp])))
		want := new(big.Int).Quo(r.Num(), r.Denom()) // towards zero
		if got != want.Int64() {
			t.Fatalf("%q: got %d, want %s", s, got, want)
		}
	})
}

func TestTimesOfEveryCameraAreRead(t *testing.T) {
	f := func(s, want string) {
		t.Helper()
		w, ok := parseTime(s)
		got := "none"
		if ok {
			got = w.instant().String()
		}
		if got != want {
			t.Errorf("%q: got %s, want %s", s, got, want)
		}
	}
	f("2026-05-21T16:10:06+08:00", "2026-05-21T08:10:06.000000Z")
	f("2026-05-21t16:10:06.5+0800", "2026-05-21T08:10:06.500000Z")
	f("2026-05-21 16:10:06,123456789+08", "2026-05-21T08:10:06.123456Z")
	f("2026-05-21T16:10:06 08:00", "2026-05-21T08:10:06.000000Z")
	f("2026-5-21T9:1:2-3:30", "2026-05-21T12:31:02.000000Z")
	f("2026-05-21T10:10:06", "2026-05-21T08:10:06.000000Z")
	f("2026-12-21T10:10:06", "2026-12-21T09:10:06.000000Z")
	f("2026-05-21T08:10:06Z", "2026-05-21T08:10:06.000000Z")
	f("2026-05-21 08:10:06 UTC", "2026-05-21T08:10:06.000000Z")
	f("2026-05-21T10:10:06+02:00[Europe/Brussels]", "2026-05-21T08:10:06.000000Z")
	f("2026:05:21 10:10:06", "2026-05-21T08:10:06.000000Z")
	f("20260521101006471", "2026-05-21T08:10:06.471000Z")
	f("20260521101006", "2026-05-21T08:10:06.000000Z")
	f("20210520 115421894+0000", "2021-05-20T11:54:21.894000Z")
	f("2026-05-21T10:10+02:00", "2026-05-21T08:10:00.000000Z")
	f("1621511661", "2021-05-20T11:54:21.000000Z")
	f("1621511661.894", "2021-05-20T11:54:21.894000Z")
	f("1621511661894", "2021-05-20T11:54:21.894000Z")
	f("1.621511661894e12", "2021-05-20T11:54:21.894000Z")
	f("1621511661894000", "2021-05-20T11:54:21.894000Z")
	f("12", "1970-01-01T00:00:12.000000Z") // clocks that began again
	f("946684800", "2000-01-01T00:00:00.000000Z")
	f("946684800123", "2000-01-01T00:00:00.123000Z")
	f("946684800123456", "2000-01-01T00:00:00.123456Z")
	f("946684800123456789", "2000-01-01T00:00:00.123456Z")
	f("1621511661894000999", "2021-05-20T11:54:21.894000Z")
	for _, bad := range []string{
		"0", "yesterday", "2026-13-01T00:00:00Z", "2026-02-30T00:00:00Z", "2026-05-21T24:00:00Z", "2026-05-21T10:60:00Z",
		"2026-05-21T10:10:06+25:00", "2026-05-21T10:10:06Zx", "2026-05-21", "21/05/2026 10:10:06", "9999999999999999999999", "1..2", "-5",
	} {
		f(bad, "none")
	}
}

func TestOffsetIsReplacedOnlyWhenTheWallClockIsPlainlyRight(t *testing.T) {
	f := func(stated, received, want string, replaced bool) {
		t.Helper()
		w, ok := parseTime(stated)
		if !ok {
			t.Fatalf("%q is no time", stated)
		}
		got, gotReplaced := w.resolveCapture(at(t, received))
		if got.String() != want || gotReplaced != replaced {
			t.Errorf("%s received %s: got %s %t, want %s %t", stated, received, got, gotReplaced, want, replaced)
		}
	}
	f("2026-05-21T16:10:06+08:00", "2026-05-21T08:10:08Z", "2026-05-21T08:10:06.000000Z", false) // factory zone, clock by NTP
	f("2026-05-21T16:10:06+08:00", "2026-05-21T14:10:08Z", "2026-05-21T14:10:06.000000Z", true)  // factory zone, clock by hand
	f("2026-05-21T16:10:06+08:00", "2026-05-21T20:00:00Z", "2026-05-21T08:10:06.000000Z", false) // late: nothing contradicts it
	f("2026-05-21T16:10:06Z", "2026-05-21T14:10:08Z", "2026-05-21T14:10:06.000000Z", true)       // local time called UTC
	f("2026-05-21T16:10:06+02:00", "2026-05-21T20:10:08Z", "2026-05-21T14:10:06.000000Z", false) // right offset, late upload
	f("2026-05-21T16:10:06+01:00", "2026-05-21T14:10:08Z", "2026-05-21T14:10:06.000000Z", true)  // winter offset in summer
	f("2026-10-25T02:30:00", "2026-10-25T00:30:01Z", "2026-10-25T00:30:00.000000Z", false)       // the hour that comes twice: first
	f("2026-10-25T02:30:00", "2026-10-25T01:30:01Z", "2026-10-25T01:30:00.000000Z", false)       // second
	f("2026-03-29T02:30:00", "2026-03-29T01:30:01Z", "2026-03-29T01:30:00.000000Z", false)       // the hour that never was
	f("1621511661894", "2021-05-20T13:54:21Z", "2021-05-20T11:54:21.894000Z", false)             // an epoch has no zone
}

func TestClockAllowancesEndWhereTheySay(t *testing.T) {
	received := at(t, "2026-05-21T08:00:00Z")
	f := func(captured schemas.Micros, want schemas.Reason) {
		t.Helper()
		got := schemas.ReasonNone
		if rej := checkClock(captured, received); rej != nil {
			got = rej.Reason
		}
		if got != want {
			t.Errorf("captured %s: got %s, want %s", captured, got, want)
		}
	}
	f(received+26*schemas.Hour, schemas.ReasonNone)
	f(received+26*schemas.Hour+1, schemas.ReasonClockAhead)
	f(at(t, "2025-05-21T08:00:00Z"), schemas.ReasonNone)
	f(at(t, "2025-05-21T08:00:00Z")-1, schemas.ReasonClockBehind)
	f(1<<62, schemas.ReasonClockAhead)
	f(-1<<62, schemas.ReasonClockBehind)
}

func TestCountriesOfEveryCodeListAreISO2(t *testing.T) {
	f := func(in, want string) {
		t.Helper()
		if got := isoCountry(in); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
	for _, row := range []string{
		"BE B BEL", "NL NLD", "FR F FRA", "DE D DEU", "LU L LUX", "GB UK GBR", "PL POL", "RO ROU", "ES E ESP", "IT I ITA",
		"AT A AUT", "PT P PRT", "CH CHE", "SK SVK", "SI SLO SVN", "CZ CZE", "IE IRL", "DK DNK", "TR TUR", "UA UKR", "EE EST", "US USA",
	} {
		codes := strings.Fields(row)
		for _, c := range codes {
			f(c, codes[0])
			f(strings.ToLower(c), codes[0])
		}
	}
	f("eu-at", "AT")
	f("us-ca", "US")
	f("be_bru", "BE")
	for _, none := range []string{"", "eu", "EU", "xx", "ZZ", "QQQ", "13", "056", "B1", "Belgium", "unknown", "--", "eu-"} {
		f(none, "")
	}
	for in, want := range map[string]string{"mo": "", "de": "", "gb": "GB", "eu-de": "DE", "us-mo": "US"} {
		if got := openALPRCountry(in, "us"); got != want {
			t.Errorf("openalpr %q: got %q, want %q", in, got, want)
		}
	}
	if got := openALPRCountry("de", "eu"); got != "DE" {
		t.Errorf("openalpr de of an eu agent: got %q, want DE", got)
	}
}
