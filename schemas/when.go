package schemas

import (
	"errors"
	"strings"
	"time"
)

// ErrWhen is what every command and every route says of a time that it cannot read.
var ErrWhen = errors.New("must be a day in Brussels, as 2026-11-28 or 28/11/2026, or an instant with its zone, as 2026-11-28T14:30:00+01:00")

// dayForms are how people write a day.
var dayForms = []string{time.DateOnly, "2/1/2006", "2-1-2006", "2.1.2006"}

// ParseDayWritten reads a day as people in Brussels write it: 2026-11-28 or 28/11/2026.
func ParseDayWritten(text string) (Day, error) {
	text = strings.TrimSpace(text)
	for _, form := range dayForms {
		if t, err := time.Parse(form, text); err == nil && t.Year() >= 1970 && t.Year() < 2100 {
			return Day(t.Unix() / 86400), nil
		}
	}
	return 0, ErrWhen
}

// ParseFrom reads the beginning of a window: a day begins at its Brussels midnight.
func ParseFrom(text string) (time.Time, error) {
	d, err := ParseDayWritten(text)
	if err == nil {
		return d.Start().Time(), nil
	}
	return parseInstant(text)
}

// ParseTo reads the end of a window, exclusive: a day belongs to the window as a whole.
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
