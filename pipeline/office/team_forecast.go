package office

import (
	"slices"

	casestore "github.com/gvc-brussels/anpr/pipeline/cases/store"
	"github.com/gvc-brussels/anpr/schemas"
)

// ZoneForecast says what will be overdue in a zone, at the pace of the last working days.
type ZoneForecast struct {
	Zone     string        `json:"zone,omitempty"`
	Decided  int64         `json:"decided" doc:"cases that people decided on the pace_days"`
	PaceDays []string      `json:"pace_days" doc:"the last working days (Monday to Friday), by which the pace is measured"`
	PerDay   float64       `json:"per_day" doc:"the pace: cases decided on a working day"`
	Days     []ForecastDay `json:"days" doc:"each day until nothing undecided is due later, at most 30"`
	First    *ForecastDay  `json:"first,omitempty" doc:"at this pace: the first day at whose end cases are overdue that are not now; absent when none will be"`
}

// ForecastDay is a day of a forecast.
type ForecastDay struct {
	Day     string `json:"day" doc:"in Brussels"`
	Due     int64  `json:"due" doc:"undecided cases of now that must be decided by the end of the day, with all before"`
	Decided int64  `json:"decided" doc:"cases that the pace gives until then, today included"`
	Overdue int64  `json:"overdue" doc:"what is left of them"`
}

// forecastTime bounds the days of a forecast.
const forecastTime = 30

// forecastOf makes the forecast of each zone, in the order of zones. Cases that will come in are not counted, and the due ones are decided
// first, as the queue gives them.
func forecastOf(t *casestore.Team) []ZoneForecast {
	var zones []string
	due, decided := map[string]map[schemas.Day]int64{}, map[string]int64{}
	for _, d := range t.DueBy {
		if due[d.Zone] == nil {
			due[d.Zone], zones = map[schemas.Day]int64{}, append(zones, d.Zone)
		}
		due[d.Zone][d.Day] += d.N
	}
	for _, p := range t.Decided {
		decided[p.Zone] += p.N
	}
	slices.Sort(zones)
	out := []ZoneForecast{}
	for _, zone := range zones {
		f := ZoneForecast{Zone: zone, Decided: decided[zone], PaceDays: []string{}, Days: []ForecastDay{}}
		for _, d := range t.PaceDays {
			f.PaceDays = append(f.PaceDays, d.String())
		}
		f.PerDay = float64(f.Decided) / float64(len(t.PaceDays))
		f.addDays(due[zone], t.Now.Day(), int64(len(t.PaceDays)))
		out = append(out, f)
	}
	return out
}

// addDays adds the days of the forecast. What is overdue now stays apart: it is decided first, and is no news.
func (f *ZoneForecast) addDays(due map[schemas.Day]int64, today schemas.Day, paceDays int64) {
	var total, before, working int64
	last := today
	for d, n := range due {
		if d < today {
			before += n
		}
		last = max(last, d)
	}
	total = before
	for d := today; d <= min(last, today+forecastTime-1); d++ {
		total += due[d]
		if casestore.IsWorkingDay(d) {
			working++
		}
		done := working * f.Decided / paceDays
		day := ForecastDay{Day: d.String(), Due: total, Decided: done, Overdue: max(total-done, 0)}
		f.Days = append(f.Days, day)
		if f.First == nil && day.Overdue > max(before-done, 0) {
			f.First = &day
		}
	}
}
