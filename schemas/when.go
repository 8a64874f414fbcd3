package schemas

import (
	"errors"
	"strings"
	"time"
)

// ErrWhen is the answer of every command and route to an unreadable time.
var ErrWhen = errors.New("must be a day in Brussels, as 2026-11-28 or 28/11/2026, or an instant with its zone, as 2026-11-28T14:30:00+01:00")

// dayForms are the usual ways to write a day.
var dayForms = []string{time.DateOnly, "2/1/2006", "2-1-2006", "2.1.2006"}

// ParseDayWritten reads a day in the usual Brussels forms: 2026-11-28 or 28/11/2026.
func ParseDayWritten(text string) (Day, error) {
	text = strings.TrimSpace(text)
	for _, form := range dayForms {
		if t, err := time.Parse(form, text); err == nil && t.Year() >= 1970 && t.Year() < 2100 {
			return Day(t.Unix() / 86400), nil
		}
	}
	return 0, ErrWhen
}

// ParseFrom reads the beginning of a time range: a day begins at midnight in Brussels.
func ParseFrom(text string) (time.Time, error) {
	d, err := ParseDayWritten(text)
	if err == nil {
		return d.Start().Time(), nil
	}
	return parseInstant(text)
}

// ParseTo reads the exclusive end of a time range: a whole day is included.
func ParseTo(text string) (time.Time, error) {
	d, err := ParseDayWritten(text)
	if err == nil {
		return (d + 1).Start().Time(), nil
	}
	return parseInstant(text)
}

func parseInstant(text string) (time.Time, error) {
	t, err := time.Parse(time.RFC3339Nano, strings.TrimSpace(text))
	if err != nil || t.Year() < 1970 || t.Year() >= 2100 {
		return time.Time{}, ErrWhen
	}
	return t.UTC(), nil
}
