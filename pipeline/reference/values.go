package reference

import (
	"errors"
	"fmt"
	"strconv"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/gvc-brussels/anpr/schemas"
)

// Bounds of text, in bytes.
const (
	maxName = 64  // ids of cameras, sites, lists, exemption kinds, zones
	maxText = 256 // reasons, references, entry ids, legal bases
)

var (
	errPlateEmpty = errors.New("is empty; write the plate in capitals and digits")
	errPlateLong  = fmt.Errorf("is longer than %d characters; write one plate, without spaces or marks", schemas.MaxPlate)
	errText       = fmt.Errorf("is longer than %d bytes, not UTF-8 or has control characters; shorten or re-encode it", maxText)
	errEmpty      = errors.New("is empty; it must be given")
)

// readPlate reads a canonical plate, a German plate with its boundary when known to the file's owner. Its errors do
// not repeat the plate.
func readPlate(s string) (schemas.Plate, error) {
	if s == "" {
		return schemas.Plate{}, errPlateEmpty
	}
	if len(s) > schemas.MaxPlate {
		return schemas.Plate{}, errPlateLong
	}
	p, ok := schemas.PlateFrom(s)
	if ok {
		return p, nil
	}
	at := 0
	for at < len(s) && s[at] != '-' && digitOf[s[at]] != 0 {
		at++
	}
	cure := "write the canonical form, capitals without spaces or marks"
	if at < len(s) && s[at] == '-' {
		cure += "; only a German plate whose letters fit two districts has a '-', behind the district (B-MW123, BM-W123)"
	}
	return schemas.Plate{}, fmt.Errorf("character %d is not one of A-Z 0-9; %s", at+1, cure)
}

// readCountry reads an ISO 3166-1 alpha-2 code in capitals.
func readCountry(s string) (schemas.Country, error) {
	c, ok := schemas.CountryFrom(s)
	if !ok || c.String() != s {
		return schemas.Country{}, fmt.Errorf("%.10q is no country; write two capital letters, as in BE", s)
	}
	return c, nil
}

// readDay reads 2026-07-01. It equals schemas.ParseDay, for millions of rows: no allocation, no time.Time.
func readDay(s string) (schemas.Day, error) {
	y, m, d, ok := splitDate(s)
	if !ok || m < 1 || m > 12 || d < 1 || d > daysIn(y, m) {
		return 0, fmt.Errorf("%.40q is not a day of the form 2026-07-01", s)
	}
	out := fromCivil(y, m, d)
	if out < minDay || out > maxDay {
		return 0, fmt.Errorf("%.40q is outside 1900-01-01..2199-12-31; correct the year", s)
	}
	return out, nil
}

func splitDate(s string) (y, m, d int, ok bool) {
	if len(s) != 10 || s[4] != '-' || s[7] != '-' {
		return 0, 0, 0, false
	}
	y, okY := readDigits(s[:4])
	m, okM := readDigits(s[5:7])
	d, okD := readDigits(s[8:])
	return y, m, d, okY && okM && okD
}

func readDigits(s string) (n int, ok bool) {
	for i := range len(s) {
		c := s[i] - '0'
		if c > 9 {
			return 0, false
		}
		n = n*10 + int(c)
	}
	return n, true
}

func daysIn(y, m int) int {
	switch m {
	case 4, 6, 9, 11:
		return 30
	case 2:
		if y%4 == 0 && (y%100 != 0 || y%400 == 0) {
			return 29
		}
		return 28
	default:
		return 31
	}
}

// fromCivil counts days from 1970-01-01 in the Gregorian calendar. Years begin in March, so the leap day comes last.
func fromCivil(y, m, d int) schemas.Day {
	if m <= 2 {
		y--
		m += 12
	}
	yearDays := 365*y + y/4 - y/100 + y/400
	return schemas.Day(yearDays + (153*(m-3)+2)/5 + d - 1 - 719468)
}

// readInstant reads a day (its Brussels midnight) or RFC 3339 with zone.
func readInstant(s string) (schemas.Micros, error) {
	if len(s) == len("2026-07-01") {
		d, err := readDay(s)
		if err != nil {
			return 0, err
		}
		return d.Start(), nil
	}
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		return 0, fmt.Errorf("%.40q is neither a day (2026-07-01) nor an instant with zone (2026-07-01T08:00:00+02:00)", s)
	}
	at := schemas.MicrosOf(t)
	if at == 0 || at < minDay.Start() || at >= maxDay.Start() {
		return 0, fmt.Errorf("%.40q is outside 1900..2199 or the instant that stands for not known; correct it", s)
	}
	return at, nil
}

// checkText checks a free text for people.
func checkText(s string) error {
	if len(s) > maxText || !utf8.ValidString(s) {
		return errText
	}
	for _, r := range s {
		if unicode.IsControl(r) {
			return errText
		}
	}
	return nil
}

// checkIdent checks a name used in keys and file names.
func checkIdent(s string) error {
	if s == "" {
		return errEmpty
	}
	if len(s) > maxName {
		return fmt.Errorf("is longer than %d bytes; shorten it", maxName)
	}
	for i := range len(s) {
		c := s[i]
		if (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '.' && c != '_' && c != '-' {
			return fmt.Errorf("character %d is not one of A-Z a-z 0-9 . _ -; rename it", i+1)
		}
	}
	return nil
}

// readInteger reads a plain decimal number within [lo, hi]: no octal, hexadecimal, underscores or plus sign.
func readInteger(s string, lo, hi int) (int, error) {
	n, err := strconv.Atoi(s)
	if err != nil || strconv.Itoa(n) != s {
		return 0, fmt.Errorf("%.40q is not a whole number; write digits only", s)
	}
	if n < lo || n > hi {
		return 0, fmt.Errorf("%d is outside %d..%d", n, lo, hi)
	}
	return n, nil
}

// checkOrder checks a period with a possibly open end.
func checkOrder[T schemas.Day | schemas.Micros](from, to T) error {
	if to != 0 && to <= from {
		return errors.New("is not after valid_from; valid_to is exclusive, leave it empty when open")
	}
	return nil
}
