package rules

import (
	"slices"
	"strconv"

	"github.com/gvc-brussels/anpr/schemas"
)

// lezRules is the LEZ part of the catalogue.
type lezRules struct {
	from         schemas.Micros // first instant any norm is in force
	norms        [schemas.Hydrogen + 1][segmentEnd]series[*norm]
	masses       series[massClasses]
	notConcerned series[fuelSet]
	euroByDate   [schemas.T + 1][]entry[euroByDate]
	oldtimer     series[int]
	dayPass      series[dayPass]
	foreign      series[foreign]
	amounts      map[string]series[int64]
	repeat       series[repeat]
}

// norm is one stage of the admission table.
type norm struct {
	meta
	id          string
	fuels       []schemas.Fuel
	segments    []segment
	disputed    bool         // the sources do not agree on it: what is below is held
	lowest      schemas.Euro // EuroUnknown = every vehicle is admitted; banned = none is
	lowestText  string
	warn, fine  *meta // nil = none
	suspensions []*suspension
}

// banned is above every norm.
const banned = schemas.Euro(255)

func (n *norm) admits(e schemas.Euro) bool { return e >= n.lowest }

type suspension struct {
	meta
	id    string
	norms []string
	day   [2]string
}

type fuelSet [schemas.Hydrogen + 1]bool

type euroByDate struct {
	categories []schemas.Category
	euro       schemas.Euro
	from, to   schemas.Day // [from, to)
}

type foreign struct {
	kinds      [schemas.KindMotorcycle + 1]bool
	categories [schemas.T + 1]bool
	grace      int
	warn, fine *meta // nil = none
	notNeeded  []schemas.Country
}

// dayPass says what a pass of a day is worth.
type dayPass struct {
	untilHour int  // of the next day, on the Brussels clock; 0 = midnight
	daysAfter int  // full days after the passage within which a pass for its day may still be bought
	fromIssue bool // it counts from its issue on only, so that it cannot be bought afterwards
	perYear   int  // passes of a vehicle in a calendar year; 0 = not bounded
}

type repeat struct{ months, perYear, anchor string }

type lezParts struct {
	norms        []entry[*norm]
	suspensions  []entry[*suspension]
	notConcerned []entry[fuelSet]
	euroByDate   []entry[euroByDate]
	oldtimer     []entry[int]
	dayPass      []entry[dayPass]
	masses       []entry[massClasses]
	foreign      []entry[foreign]
	amounts      []entry[amount]
	repeat       []entry[repeat]
}

type amount struct {
	kind  string
	cents int64
}

type rawNorm struct {
	Meta       rawMeta  `yaml:",inline"`
	ID         string   `yaml:"id"`
	Fuels      []string `yaml:"fuels"`
	Categories []string `yaml:"categories"`
	Lowest     string   `yaml:"lowest_euro"`
	Disputed   string   `yaml:"disputed"`
	Warnings   *rawMeta `yaml:"warnings"`
	Fines      *rawMeta `yaml:"fines"`
}

type rawSuspension struct {
	Meta  rawMeta  `yaml:",inline"`
	ID    string   `yaml:"id"`
	Norms []string `yaml:"norms"`
}

func (rd *reader) lezNorms(c *checker, d *document) {
	section(rd, c, "admission", d.Admission, &rd.parts.lez.norms, c.norm)
	section(rd, c, "suspensions", d.Suspensions, &rd.parts.lez.suspensions, func(path string, r *rawSuspension) entry[*suspension] {
		c.id(path, r.ID)
		if len(r.Norms) == 0 {
			c.errorf(path+".norms", "write the ids of the norms, or [all]", "missing")
		}
		m := c.meta(path, &r.Meta)
		return entry[*suspension]{m, &suspension{meta: m, id: r.ID, norms: r.Norms, day: [2]string{r.Meta.ValidFrom, r.Meta.ValidTo}}}
	})
}

func (c *checker) norm(path string, r *rawNorm) entry[*norm] {
	c.id(path, r.ID)
	n := &norm{
		meta: c.meta(path, &r.Meta), id: r.ID, lowestText: r.Lowest,
		fuels: each(c, path+".fuels", r.Fuels, parseFuel),
	}
	for _, word := range each(c, path+".categories", r.Categories, func(s string) (string, bool) { return s, parseSegments(s) != nil }) {
		n.segments = append(n.segments, parseSegments(word)...)
	}
	if r.Disputed != "" {
		n.disputed = c.boolean(path+".disputed", r.Disputed)
	}
	switch r.Lowest {
	case "any":
		n.lowest = schemas.EuroUnknown
	case "banned":
		n.lowest = banned
	default:
		n.lowest = c.euro(path+".lowest_euro", r.Lowest)
	}
	n.warn = c.phase(path+".warnings", r.Warnings)
	n.fine = c.phase(path+".fines", r.Fines)
	c.phaseOrder(path, n)
	return entry[*norm]{n.meta, n}
}

// parseFuel knows every fuel but unknown.
func parseFuel(s string) (schemas.Fuel, bool) {
	f, ok := schemas.ParseFuel(s)
	return f, ok && f != schemas.FuelUnknown
}

// parseCategory knows every category but unknown.
func parseCategory(s string) (schemas.Category, bool) {
	x, ok := schemas.ParseCategory(s)
	return x, ok && x != schemas.CategoryUnknown
}

func (c *checker) euro(path, s string) schemas.Euro {
	e, ok := schemas.ParseEuro(s)
	if !ok || e == schemas.EuroUnknown {
		c.errorf(path, `write "0", "1" to "6", 6d-temp or 6d`, "%q is not a norm", s)
	}
	return e
}

func (c *checker) phase(path string, r *rawMeta) *meta {
	if r == nil {
		return nil
	}
	m := c.meta(path, r)
	return &m
}

// phaseOrder checks that the norm applies, then warns, then fines.
func (c *checker) phaseOrder(path string, n *norm) {
	if n.announced || n.lowest == schemas.EuroUnknown {
		return
	}
	if n.warn == nil || n.fine == nil {
		c.errorf(path, "write warnings and fines with a valid_from each, or status: announced when there is none yet",
			"a norm in force needs both phases")
		return
	}
	if n.warn.from < n.from {
		c.errorf(path+".warnings.valid_from", "correct one of the two days", "before the norm's valid_from %s", n.day)
	}
	if n.fine.from < n.warn.from {
		c.errorf(path+".fines.valid_from", "correct one of the two days", "before the start of warnings %s", n.warn.day)
	}
}

func (rd *reader) chainLEZ(c *checker) {
	p, l := &rd.parts.lez, &rd.cat.lez
	rd.suspend(c)
	l.from = open
	for f := range l.norms {
		for seg := range segmentEnd {
			rows := pick(p.norms, func(n **norm) bool {
				return slices.Contains((*n).fuels, schemas.Fuel(f)) && slices.Contains((*n).segments, seg)
			})
			s := chain(c, "admission of "+schemas.Fuel(f).String()+" "+seg.String(), rows)
			l.norms[f][seg] = s
			risen(c, s)
			if len(s) > 0 {
				l.from = min(l.from, s[0].from)
			}
		}
	}
	l.masses = chain(c, "mass_classes", p.masses)
	l.notConcerned = chain(c, "not_concerned", p.notConcerned)
	l.oldtimer = chain(c, "oldtimer", p.oldtimer)
	l.dayPass = chain(c, "day_pass", p.dayPass)
	l.foreign = chain(c, "foreign", p.foreign)
	l.repeat = chain(c, "repeat", p.repeat)
	l.amounts = map[string]series[int64]{}
	for _, kind := range []string{amountInfringement, amountForeign} {
		var s []entry[int64]
		for _, a := range pick(p.amounts, func(a *amount) bool { return a.kind == kind }) {
			s = append(s, entry[int64]{a.meta, a.v.cents})
		}
		l.amounts[kind] = chain(c, "amount "+kind, s)
	}
	rd.chainEuroByDate(c)
}

// risen warns of a norm that asks less than the one before it: two rows may have changed places.
func risen(c *checker, s series[*norm]) {
	for i := 1; i < len(s); i++ {
		if s[i].v.lowest < s[i-1].v.lowest {
			v := s[i].value
			c.once(Finding{
				File: v.File, Line: v.Line, Path: v.Path, Warning: true,
				Text: "lowest_euro " + s[i].v.lowestText + " asks less than " + s[i-1].v.lowestText + " of " + s[i-1].v.id + " before it",
				Do:   "correct one of the two, unless the law went back",
			})
		}
	}
}

// suspend hands each suspension to the norms it names.
func (rd *reader) suspend(c *checker) {
	ids := map[string]bool{}
	for _, n := range rd.parts.lez.norms {
		if ids[n.v.id] {
			c.report(Finding{File: n.value.File, Line: n.value.Line, Path: n.value.Path, Text: "id " + strconv.Quote(n.v.id) + " is used twice", Do: "give each norm its own id"})
		}
		ids[n.v.id] = true
	}
	for _, s := range rd.parts.lez.suspensions {
		for _, id := range s.v.norms {
			if id != "all" && !ids[id] {
				c.report(Finding{File: s.value.File, Line: s.value.Line, Path: s.value.Path, Text: "norm " + strconv.Quote(id) + " does not exist", Do: "write an id of the section admission"})
			}
		}
		for _, n := range rd.parts.lez.norms {
			if !s.announced && (slices.Contains(s.v.norms, "all") || slices.Contains(s.v.norms, n.v.id)) {
				n.v.suspensions = append(n.v.suspensions, s.v)
			}
		}
	}
}
