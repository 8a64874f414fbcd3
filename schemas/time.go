package schemas

import (
	"fmt"
	"time"
	_ "time/tzdata" // legal days need Europe/Brussels on machines without a zone database
)

// Micros is an instant: microseconds since 1970-01-01T00:00:00Z. The zero value means "not known".
type Micros int64

// Durations in microseconds, for arithmetic on Micros.
const (
	Millisecond Micros = 1_000
	Second      Micros = 1_000_000
	Minute             = 60 * Second
	Hour               = 60 * Minute
)

// MicrosOf converts a time, truncating below a microsecond. The zero time gives 0.
func MicrosOf(t time.Time) Micros {
	if t.IsZero() {
		return 0
	}
	return Micros(t.UnixMicro())
}

// Span converts a duration.
func Span(d time.Duration) Micros { return Micros(d.Microseconds()) }

// Time returns the instant in UTC.
func (m Micros) Time() time.Time { return time.UnixMicro(int64(m)).UTC() }

// String formats the instant as RFC 3339 in UTC with microseconds. Traces and seals contain the text, so the format is
// fixed in this package; a test compares with time.Format.
func (m Micros) String() string {
	if m < 0 || m >= afterWritten {
		return m.Time().Format("2006-01-02T15:04:05.000000Z07:00")
	}
	var b [27]byte
	us := int64(m % microsPerDay)
	Day(m / microsPerDay).write(b[:10])
	b[10] = 'T'
	twoDigits(b[11:], int(us/int64(Hour)))
	b[13] = ':'
	twoDigits(b[14:], int(us/int64(Minute)%60))
	b[16] = ':'
	twoDigits(b[17:], int(us/int64(Second)%60))
	b[19] = '.'
	us %= int64(Second)
	twoDigits(b[20:], int(us/10_000))
	twoDigits(b[22:], int(us/100%100))
	twoDigits(b[24:], int(us%100))
	b[26] = 'Z'
	return string(b[:])
}

const (
	microsPerDay = 24 * Hour
	lastWritten  = Day(2932896) // 9999-12-31
	afterWritten = Micros(lastWritten+1) * microsPerDay
)

func twoDigits(b []byte, n int) { b[0], b[1] = byte('0'+n/10), byte('0'+n%10) }

// write puts the day as 2006-01-02 into ten bytes, for days from 1970 to 9999. Years begin in March, so a leap day
// comes last.
func (d Day) write(b []byte) {
	z := uint32(d) + 719468 // days since 0000-03-01
	era := z / 146097
	doe := z % 146097
	yoe := (doe - doe/1460 + doe/36524 - doe/146096) / 365
	doy := doe - (365*yoe + yoe/4 - yoe/100)
	mp := (5*doy + 2) / 153
	day, month, year := doy-(153*mp+2)/5+1, mp+3, yoe+era*400
	if month > 12 {
		month -= 12
		year++
	}
	twoDigits(b, int(year/100))
	twoDigits(b[2:], int(year%100))
	b[4] = '-'
	twoDigits(b[5:], int(month))
	b[7] = '-'
	twoDigits(b[8:], int(day))
}

var brussels = mustLoad("Europe/Brussels")

func mustLoad(name string) *time.Location {
	loc, err := time.LoadLocation(name)
	if err != nil {
		panic("BUG: embedded zone database lacks " + name)
	}
	return loc
}

// Brussels is the legal time zone for every date in the catalogue.
func Brussels() *time.Location { return brussels }

// Local returns the instant on a Brussels wall clock.
func (m Micros) Local() time.Time { return time.UnixMicro(int64(m)).In(brussels) }

// Day returns the instant's Brussels calendar day. Since 1970 Brussels is one or two hours ahead of UTC: when both
// offsets give the same day, no zone database is needed.
func (m Micros) Day() Day {
	if m > 0 {
		winter, summer := (m+Hour)/microsPerDay, (m+2*Hour)/microsPerDay
		if winter == summer {
			return Day(winter)
		}
	}
	y, mo, d := m.Local().Date()
	return DayOf(y, mo, d)
}

// Day is a calendar day: days since 1970-01-01, without a zone. Every use is a Brussels day. The zero value
// (1970-01-01) means "not set" in reference data.
type Day int32

// DayOf makes a Day. Out-of-range months and days roll over as in time.Date.
func DayOf(year int, month time.Month, day int) Day {
	return Day(time.Date(year, month, day, 0, 0, 0, 0, time.UTC).Unix() / 86400)
}

// ParseDay reads "2006-01-02".
func ParseDay(s string) (Day, error) {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		return 0, fmt.Errorf("day %q is not of the form 2026-07-01", s)
	}
	return Day(t.Unix() / 86400), nil
}

func (d Day) utc() time.Time { return time.Unix(int64(d)*86400, 0).UTC() }

// Time returns the day as date columns have it: midnight in UTC, whatever the zone.
func (d Day) Time() time.Time { return d.utc() }

// String formats the day as "2006-01-02".
func (d Day) String() string {
	if d < 0 || d > lastWritten {
		return d.utc().Format(time.DateOnly)
	}
	var b [10]byte
	d.write(b[:])
	return string(b[:])
}

// Start returns the day's first instant, Brussels midnight.
func (d Day) Start() Micros {
	y, m, day := d.utc().Date()
	return MicrosOf(time.Date(y, m, day, 0, 0, 0, 0, brussels))
}

// At returns the day's instant with a whole hour on Brussels clocks. In the spring change a missing hour is the next
// hour; in the autumn change a doubled hour is the first.
func (d Day) At(hour int) Micros {
	y, m, day := d.utc().Date()
	return MicrosOf(time.Date(y, m, day, hour, 0, 0, 0, brussels))
}

// AddMonths moves by calendar months, at most to the last day of the new month (31 January + 1 = 28 or 29 February).
func (d Day) AddMonths(n int) Day {
	y, m, day := d.utc().Date()
	last := time.Date(y, m+time.Month(n)+1, 0, 0, 0, 0, 0, time.UTC).Day()
	return DayOf(y, m+time.Month(n), min(day, last))
}

// Year returns the day's calendar year.
func (d Day) Year() int { return d.utc().Year() }
