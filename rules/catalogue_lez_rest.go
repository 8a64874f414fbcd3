package rules

import (
	"slices"

	"github.com/gvc-brussels/anpr/schemas"
)

// The kinds of the section amounts.
const (
	amountInfringement = "infringement"
	amountForeign      = "foreign_unregistered"
)

type rawNotConcerned struct {
	Meta  rawMeta  `yaml:",inline"`
	Fuels []string `yaml:"fuels"`
}

type rawEuroByDate struct {
	Meta       rawMeta  `yaml:",inline"`
	Categories []string `yaml:"categories"`
	Euro       string   `yaml:"euro"`
	From       string   `yaml:"registered_from"`
	To         string   `yaml:"registered_to"`
}

type rawOldtimer struct {
	Meta   rawMeta `yaml:",inline"`
	MinAge string  `yaml:"min_age_years"`
}

type rawDayPass struct {
	Meta      rawMeta `yaml:",inline"`
	UntilHour string  `yaml:"until_hour"`
	DaysAfter string  `yaml:"buy_days_after"`
	FromIssue string  `yaml:"from_issue"`
	PerYear   string  `yaml:"max_per_year"`
}

type rawMassClasses struct {
	Meta     rawMeta `yaml:",inline"`
	N1Class1 string  `yaml:"n1_class_1_kg"`
	N1Class2 string  `yaml:"n1_class_2_kg"`
	N2Light  string  `yaml:"n2_light_kg"`
}

type rawForeign struct {
	Meta       rawMeta  `yaml:",inline"`
	ID         string   `yaml:"id"`
	Kinds      []string `yaml:"kinds"`
	Categories []string `yaml:"categories"`
	Grace      string   `yaml:"grace_days"`
	NotNeeded  []string `yaml:"not_needed"`
	Warnings   *rawMeta `yaml:"warnings"`
	Fines      *rawMeta `yaml:"fines"`
}

type rawAmount struct {
	Meta  rawMeta `yaml:",inline"`
	Kind  string  `yaml:"kind"`
	Cents string  `yaml:"cents"`
}

type rawRepeat struct {
	Meta    rawMeta `yaml:",inline"`
	Window  string  `yaml:"window_months"`
	PerYear string  `yaml:"max_per_year"`
	Anchor  string  `yaml:"anchor"`
}

func (rd *reader) lezRest(c *checker, d *document) {
	p := &rd.parts.lez
	section(rd, c, "not_concerned", d.NotConcerned, &p.notConcerned, func(path string, r *rawNotConcerned) entry[fuelSet] {
		e := entry[fuelSet]{meta: c.meta(path, &r.Meta)}
		for _, f := range each(c, path+".fuels", r.Fuels, parseFuel) {
			e.v[f] = true
		}
		return e
	})
	section(rd, c, "euro_by_first_registration", d.EuroByDate, &p.euroByDate, c.euroByDate)
	section(rd, c, "oldtimer", d.Oldtimer, &p.oldtimer, func(path string, r *rawOldtimer) entry[int] {
		return entry[int]{c.meta(path, &r.Meta), int(c.plausible(path+".min_age_years", r.MinAge, bandOldtimer))}
	})
	section(rd, c, "day_pass", d.DayPass, &p.dayPass, c.dayPass)
	section(rd, c, "mass_classes", d.MassClasses, &p.masses, c.massClasses)
	section(rd, c, "foreign", d.Foreign, &p.foreign, c.foreign)
	section(rd, c, "amounts", d.Amounts, &p.amounts, func(path string, r *rawAmount) entry[amount] {
		kind := c.oneOf(path+".kind", r.Kind, amountInfringement, amountForeign)
		return entry[amount]{c.meta(path, &r.Meta), amount{kind, c.plausible(path+".cents", r.Cents, bandFine)}}
	})
	section(rd, c, "repeat", d.Repeat, &p.repeat, func(path string, r *rawRepeat) entry[repeat] {
		c.plausible(path+".window_months", r.Window, bandWindow)
		c.plausible(path+".max_per_year", r.PerYear, bandFines)
		anchor := c.oneOf(path+".anchor", r.Anchor, "sending", "event")
		return entry[repeat]{c.meta(path, &r.Meta), repeat{r.Window, r.PerYear, anchor}}
	})
}

func (c *checker) dayPass(path string, r *rawDayPass) entry[dayPass] {
	e := entry[dayPass]{c.meta(path, &r.Meta), dayPass{
		untilHour: int(c.plausible(path+".until_hour", r.UntilHour, bandPassHour)),
		daysAfter: int(c.plausible(path+".buy_days_after", r.DaysAfter, bandPassDays)),
		fromIssue: c.boolean(path+".from_issue", r.FromIssue),
		perYear:   int(c.plausible(path+".max_per_year", r.PerYear, bandPassYear)),
	}}
	if e.v.fromIssue && e.v.daysAfter > 0 {
		c.errorf(path+".buy_days_after", "write 0, or from_issue: false", "a pass that counts from its issue on cures nothing afterwards")
	}
	return e
}

func (c *checker) massClasses(path string, r *rawMassClasses) entry[massClasses] {
	e := entry[massClasses]{c.meta(path, &r.Meta), massClasses{
		n1Class1: uint16(c.plausible(path+".n1_class_1_kg", r.N1Class1, bandN1Mass)),
		n1Class2: uint16(c.plausible(path+".n1_class_2_kg", r.N1Class2, bandN1Mass)),
		n2Light:  uint16(c.plausible(path+".n2_light_kg", r.N2Light, bandN2Mass)),
	}}
	if e.v.n1Class2 <= e.v.n1Class1 {
		c.errorf(path+".n1_class_2_kg", "class 2 ends at a larger mass than class 1: correct one of the two", "not above n1_class_1_kg %s", r.N1Class1)
	}
	return e
}

func (c *checker) euroByDate(path string, r *rawEuroByDate) entry[euroByDate] {
	e := entry[euroByDate]{meta: c.meta(path, &r.Meta)}
	e.v.categories = each(c, path+".categories", r.Categories, parseCategory)
	e.v.euro = c.euro(path+".euro", r.Euro)
	e.v.from = c.day(path+".registered_from", r.From)
	e.v.to = schemas.Day(1<<31 - 1)
	if r.To != "open" {
		e.v.to = c.day(path+".registered_to", r.To)
	}
	if e.v.to <= e.v.from {
		c.errorf(path+".registered_to", "write a later day, or open", "%s is not after registered_from %s", r.To, r.From)
	}
	return e
}

func (c *checker) foreign(path string, r *rawForeign) entry[foreign] {
	c.id(path, r.ID)
	e := entry[foreign]{meta: c.meta(path, &r.Meta)}
	for _, k := range each(c, path+".kinds", r.Kinds, schemas.ParseVehicleKind) {
		e.v.kinds[k] = true
	}
	for _, cat := range each(c, path+".categories", r.Categories, parseCategory) {
		e.v.categories[cat] = true
	}
	e.v.grace = int(c.plausible(path+".grace_days", r.Grace, bandGrace))
	if len(r.NotNeeded) > 0 {
		e.v.notNeeded = each(c, path+".not_needed", r.NotNeeded, schemas.CountryFrom)
	}
	e.v.warn = c.phase(path+".warnings", r.Warnings)
	e.v.fine = c.phase(path+".fines", r.Fines)
	switch {
	case e.v.fine == nil:
		c.errorf(path, "write fines with the day they began, with status: announced when there are none", "the duty to register needs the day of its fines")
	case e.v.warn != nil && e.v.fine.from < e.v.warn.from:
		c.errorf(path+".fines.valid_from", "correct one of the two days", "before the start of warnings %s", e.v.warn.day)
	}
	return e
}

// chainEuroByDate orders the rows of a category by day of registration; a gap or an overlap there is an error.
func (rd *reader) chainEuroByDate(c *checker) {
	l := &rd.cat.lez
	for cat := range l.euroByDate {
		rows := pick(rd.parts.lez.euroByDate, func(e *euroByDate) bool {
			return slices.Contains(e.categories, schemas.Category(cat))
		})
		rows = slices.DeleteFunc(rows, func(e entry[euroByDate]) bool { return e.announced })
		slices.SortStableFunc(rows, func(a, b entry[euroByDate]) int { return int(a.v.from) - int(b.v.from) })
		for i := 1; i < len(rows); i++ {
			if rows[i-1].v.to != rows[i].v.from {
				v := rows[i].value
				c.once(Finding{
					File: v.File, Line: v.Line, Path: v.Path,
					Text: "first registrations of " + schemas.Category(cat).String() + ": gap or overlap before " + rows[i].v.from.String(),
					Do:   "make registered_to of the row before it the same day",
				})
			}
		}
		l.euroByDate[cat] = rows
	}
}
