package access

import (
	"time"

	"github.com/gvc-brussels/anpr/schemas"
)

// MonthsBefore returns the instant n calendar months before now on a Brussels clock. The result never goes back as time
// goes on.
//
// When the earlier month lacks the day, the result is the first instant of the next month. So 31 March looks back to 1
// March 00:00: 28 February, over on 28 March, is not seen again. An hour that the clock change skips gives the end of
// that hour. When now is in the second of two equal hours, the result is also the end of the hour.
func MonthsBefore(now schemas.Micros, n int) schemas.Micros {
	t := now.Local()
	back := now.Day().AddMonths(-n)
	y, m, d := back.Start().Local().Date()
	if d < t.Day() {
		return (back + 1).Start()
	}
	hour, minute, sec, nano := t.Hour(), t.Minute(), t.Second(), t.Nanosecond()
	if (now - schemas.Hour).Local().Hour() == hour {
		hour, minute, sec, nano = hour+1, 0, 0, 0
	}
	out := time.Date(y, m, d, hour, minute, sec, nano, schemas.Brussels())
	if out.Hour() != hour%24 {
		out = out.Truncate(time.Hour)
	}
	return schemas.MicrosOf(out)
}
