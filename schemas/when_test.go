package schemas

import (
	"testing"
	"time"
)

func TestDaysAndInstantsAreReadAsPeopleWriteThem(t *testing.T) {
	for text, want := range map[string][2]string{
		"2026-11-28":                {"2026-11-27T23:00:00Z", "2026-11-28T23:00:00Z"},
		"28/11/2026":                {"2026-11-27T23:00:00Z", "2026-11-28T23:00:00Z"},
		"1/7/2026":                  {"2026-06-30T22:00:00Z", "2026-07-01T22:00:00Z"},
		"01-07-2026":                {"2026-06-30T22:00:00Z", "2026-07-01T22:00:00Z"},
		"2026-03-29":                {"2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z"}, // 23 hours
		"2026-10-25":                {"2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z"}, // 25 hours
		" 2026-11-28 ":              {"2026-11-27T23:00:00Z", "2026-11-28T23:00:00Z"},
		"2026-11-28T14:30:00+01:00": {"2026-11-28T13:30:00Z", "2026-11-28T13:30:00Z"},
		"2026-11-28T14:30:00.5Z":    {"2026-11-28T14:30:00.5Z", "2026-11-28T14:30:00.5Z"},
	} {
		from, err1 := ParseFrom(text)
		to, err2 := ParseTo(text)
		if got := [2]string{from.Format(time.RFC3339Nano), to.Format(time.RFC3339Nano)}; got != want || err1 != nil || err2 != nil {
			t.Errorf("%q: got %v, %v, %v, want %v", text, got, err1, err2, want)
		}
	}
	for _, text := range []string{"", "yesterday", "2026-11-28T14:30:00", "28/11", "11/28/2026", "31/02/2026", "2026-13-01", "28-11-26", "0001-01-01", "9999-01-01", "20261128"} {
		if _, err := ParseFrom(text); err != ErrWhen { //nolint:errorlint // the very message
			t.Errorf("%q: got %v, want the one message", text, err)
		}
		if _, err := ParseTo(text); err != ErrWhen { //nolint:errorlint // the very message
			t.Errorf("%q: got %v, want the one message", text, err)
		}
	}
}
