package rules

import (
	"slices"
	"strconv"

	"github.com/gvc-brussels/anpr/schemas"
)

// The bands, by value kind.
var (
	bandOldtimer = band{20, 60, "years"}
	bandPassHour = band{0, 12, "o'clock of the next day"}
	bandPassDays = band{0, 7, "days"}
	bandPassYear = band{4, 100, "passes a year"}
	bandN1Mass   = band{1000, 2500, "kg"}
	bandN2Mass   = band{2000, 3500, "kg"}
	bandGrace    = band{0, 14, "days"}
	bandFine     = band{5000, 100_000, "cents: EUR 350 is written 35000"}
	bandWindow   = band{1, 12, "months"}
	bandFines    = band{1, 12, "fines a year"}
)

// lezRules is the catalogue's LEZ part.
type lezRules struct {
	from         schemas.Micros // first instant any norm is in force
	norms        [schemas.Hydrogen + 1][segmentEnd]datedSeries[*norm]
	masses       datedSeries[massClasses]
	notConcerned datedSeries[fuelSet]
	euroByDate   [schemas.T + 1][]datedValue[euroByDate]
	oldtimer     datedSeries[int]
	dayPass      datedSeries[dayPass]
	foreign      datedSeries[foreign]
	amounts      map[string]datedSeries[int64]
	repeat       datedSeries[repeat]
	firstWarning map[string]datedSeries[bool] // by reason: the first infringement of a vehicle is a warning
}

// norm is a stage in the admission table.
type norm struct {
	provenance
	id          string
	fuels       []schemas.Fuel
	segments    []segment
	disputed    bool         // the sources disagree: vehicles below are held
	lowest      schemas.Euro // EuroUnknown = every vehicle is admitted; banned = none is
	lowestText  string
	warn, fine  *provenance // nil = none
	suspensions []*suspension
}

// banned is above every norm.
const banned = schemas.Euro(255)

func (n *norm) admitsEuro(e schemas.Euro) bool { return e >= n.lowest }

type suspension struct {
	provenance
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
	warn, fine *provenance // nil = none
	notNeeded  []schemas.Country
}

// dayPass says how long a day pass counts.
type dayPass struct {
	untilHour int  // hour on the next day, Brussels clock; 0 = midnight
	daysAfter int  // full days after the passage for buying the day's pass
	fromIssue bool // counts only from issue, so buying afterwards does not help
	perYear   int  // passes per vehicle and calendar year; 0 = no bound
}

type repeat struct{ months, perYear, anchor string }

type amount struct {
	kind  string
	cents int64
}

type rawNorm struct {
	Meta       rawProvenance  `yaml:",inline"`
	ID         string         `yaml:"id"`
	Fuels      []string       `yaml:"fuels" subject:"yes" words:"fuel"`
	Categories []string       `yaml:"categories" subject:"yes"`
	Lowest     string         `yaml:"lowest_euro" words:"euro"`
	Disputed   string         `yaml:"disputed"`
	Warnings   *rawProvenance `yaml:"warnings"`
	Fines      *rawProvenance `yaml:"fines"`
}

type rawSuspension struct {
	Meta  rawProvenance `yaml:",inline"`
	ID    string        `yaml:"id" subject:"yes"`
	Norms []string      `yaml:"norms"`
}

// Load implements [Family].
func (r *lez) Load(s *Sections) {
	r.general = s.general
	l := &r.cat
	norms := declareSection(s, "admission", (*checker).convertNorm)
	suspensions := declareSection(s, "suspensions", (*checker).convertSuspension)
	s.onLoaded(func(c *checker) {
		suspendNorms(c, *norms, *suspensions)
		l.chainNorms(c, *norms)
	})
	declareSeries(s, "not_concerned", (*checker).notConcerned, &l.notConcerned)
	rows := declareSection(s, "euro_by_first_registration", (*checker).euroByDate)
	s.onLoaded(func(c *checker) { l.chainEuroByDate(c, *rows) })
	declareSeries(s, "mass_classes", (*checker).massClasses, &l.masses)
	declareSeries(s, "oldtimer", func(c *checker, path string, r *rawOldtimer) datedValue[int] {
		return datedValue[int]{c.checkProvenance(path, &r.Meta), int(c.parsePlausible(path+".min_age_years", r.MinAge, bandOldtimer))}
	}, &l.oldtimer)
	declareSeries(s, "day_pass", (*checker).dayPass, &l.dayPass)
	declareSeries(s, "foreign", (*checker).convertForeign, &l.foreign)
	amounts := declareSection(s, "amounts", (*checker).convertAmount)
	s.onLoaded(func(c *checker) { l.chainAmounts(c, *amounts) })
	declareSeries(s, "repeat", (*checker).convertRepeat, &l.repeat)
	declareKeyed(s, "first_warning", (*checker).convertFirstWarning, &l.firstWarning)
	s.all[len(s.all)-1].optional = true // a catalogue without the section warns nobody first
}

func (c *checker) convertSuspension(path string, r *rawSuspension) datedValue[*suspension] {
	c.checkID(path, r.ID)
	if len(r.Norms) == 0 {
		c.errorf(path+".norms", "write the ids of the norms, or [all]", "missing")
	}
	m := c.checkProvenance(path, &r.Meta)
	return datedValue[*suspension]{m, &suspension{provenance: m, id: r.ID, norms: r.Norms, day: [2]string{r.Meta.ValidFrom, r.Meta.ValidTo}}}
}

func (c *checker) convertNorm(path string, r *rawNorm) datedValue[*norm] {
	c.checkID(path, r.ID)
	n := &norm{
		provenance: c.checkProvenance(path, &r.Meta), id: r.ID, lowestText: r.Lowest,
		fuels: parseEach(c, path+".fuels", r.Fuels, parseFuel),
	}
	for _, word := range parseEach(c, path+".categories", r.Categories, func(s string) (string, bool) { return s, parseSegments(s) != nil }) {
		n.segments = append(n.segments, parseSegments(word)...)
	}
	if r.Disputed != "" {
		n.disputed = c.parseBool(path+".disputed", r.Disputed)
	}
	switch r.Lowest {
	case "any":
		n.lowest = schemas.EuroUnknown
	case "banned":
		n.lowest = banned
	default:
		n.lowest = c.parseEuro(path+".lowest_euro", r.Lowest)
	}
	n.warn = c.checkPhase(path+".warnings", r.Warnings)
	n.fine = c.checkPhase(path+".fines", r.Fines)
	c.phaseOrder(path, n)
	return datedValue[*norm]{n.provenance, n}
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

func (c *checker) parseEuro(path, s string) schemas.Euro {
	e, ok := schemas.ParseEuro(s)
	if !ok || e == schemas.EuroUnknown {
		c.errorf(path, `write "0", "1" to "6", 6d-temp or 6d`, "%q is not a norm", s)
	}
	return e
}

func (c *checker) checkPhase(path string, r *rawProvenance) *provenance {
	if r == nil {
		return nil
	}
	m := c.checkProvenance(path, r)
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

func (l *lezRules) chainNorms(c *checker, norms []datedValue[*norm]) {
	l.from = open
	for f := range l.norms {
		for seg := range segmentEnd {
			rows := selectValues(norms, func(n **norm) bool {
				return slices.Contains((*n).fuels, schemas.Fuel(f)) && slices.Contains((*n).segments, seg)
			})
			s := chainValues(c, "admission of "+schemas.Fuel(f).String()+" "+seg.String(), rows)
			l.norms[f][seg] = s
			warnOfLaxerNorm(c, s)
			if len(s) > 0 {
				l.from = min(l.from, s[0].from)
			}
		}
	}
}

func (l *lezRules) chainAmounts(c *checker, amounts []datedValue[amount]) {
	l.amounts = map[string]datedSeries[int64]{}
	for _, kind := range []string{amountInfringement, amountForeign} {
		var s []datedValue[int64]
		for _, a := range selectValues(amounts, func(a *amount) bool { return a.kind == kind }) {
			s = append(s, datedValue[int64]{a.provenance, a.v.cents})
		}
		l.amounts[kind] = chainValues(c, "amount "+kind, s)
	}
}

// warnOfLaxerNorm warns when a norm asks less than the norm before: two rows may have changed places.
func warnOfLaxerNorm(c *checker, s datedSeries[*norm]) {
	for i := 1; i < len(s); i++ {
		if s[i].v.lowest < s[i-1].v.lowest {
			v := s[i].value
			c.addOnce(Finding{
				File: v.File, Line: v.Line, Path: v.Path, Warning: true,
				Text: "lowest_euro " + s[i].v.lowestText + " asks less than " + s[i-1].v.lowestText + " of " + s[i-1].v.id + " before it",
				Do:   "correct one of the two, unless the law went back",
			})
		}
	}
}

// suspendNorms hands each suspension to the named norms.
func suspendNorms(c *checker, norms []datedValue[*norm], suspensions []datedValue[*suspension]) {
	ids := map[string]bool{}
	for _, n := range norms {
		if ids[n.v.id] {
			c.report(Finding{File: n.value.File, Line: n.value.Line, Path: n.value.Path, Text: "id " + strconv.Quote(n.v.id) + " is used twice", Do: "give each norm its own id"})
		}
		ids[n.v.id] = true
	}
	for _, s := range suspensions {
		for _, id := range s.v.norms {
			if id != "all" && !ids[id] {
				c.report(Finding{File: s.value.File, Line: s.value.Line, Path: s.value.Path, Text: "norm " + strconv.Quote(id) + " does not exist", Do: "write an id of the section admission"})
			}
		}
		for _, n := range norms {
			if !s.announced && (slices.Contains(s.v.norms, "all") || slices.Contains(s.v.norms, n.v.id)) {
				n.v.suspensions = append(n.v.suspensions, s.v)
			}
		}
	}
}

// The kinds in section amounts.
const (
	amountInfringement = "infringement"
	amountForeign      = "foreign_unregistered"
)

type rawNotConcerned struct {
	Meta  rawProvenance `yaml:",inline"`
	Fuels []string      `yaml:"fuels" words:"fuel"`
}

type rawEuroByDate struct {
	Meta       rawProvenance `yaml:",inline"`
	Categories []string      `yaml:"categories" subject:"yes"`
	Euro       string        `yaml:"euro" subject:"yes" words:"euro"`
	From       string        `yaml:"registered_from"`
	To         string        `yaml:"registered_to"`
}

type rawOldtimer struct {
	Meta   rawProvenance `yaml:",inline"`
	MinAge string        `yaml:"min_age_years"`
}

type rawDayPass struct {
	Meta      rawProvenance `yaml:",inline"`
	UntilHour string        `yaml:"until_hour"`
	DaysAfter string        `yaml:"buy_days_after"`
	FromIssue string        `yaml:"from_issue"`
	PerYear   string        `yaml:"max_per_year"`
}

type rawMassClasses struct {
	Meta     rawProvenance `yaml:",inline"`
	N1Class1 string        `yaml:"n1_class_1_kg"`
	N1Class2 string        `yaml:"n1_class_2_kg"`
	N2Light  string        `yaml:"n2_light_kg"`
}

type rawForeign struct {
	Meta       rawProvenance  `yaml:",inline"`
	ID         string         `yaml:"id"`
	Kinds      []string       `yaml:"kinds" words:"kind"`
	Categories []string       `yaml:"categories"`
	Grace      string         `yaml:"grace_days"`
	NotNeeded  []string       `yaml:"not_needed"`
	Warnings   *rawProvenance `yaml:"warnings"`
	Fines      *rawProvenance `yaml:"fines"`
}

type rawAmount struct {
	Meta  rawProvenance `yaml:",inline"`
	Kind  string        `yaml:"kind" subject:"yes" words:"fine"`
	Cents string        `yaml:"cents"`
}

type rawRepeat struct {
	Meta    rawProvenance `yaml:",inline"`
	Window  string        `yaml:"window_months"`
	PerYear string        `yaml:"max_per_year"`
	Anchor  string        `yaml:"anchor"`
}

func (c *checker) notConcerned(path string, r *rawNotConcerned) datedValue[fuelSet] {
	e := datedValue[fuelSet]{provenance: c.checkProvenance(path, &r.Meta)}
	for _, f := range parseEach(c, path+".fuels", r.Fuels, parseFuel) {
		e.v[f] = true
	}
	return e
}

func (c *checker) convertAmount(path string, r *rawAmount) datedValue[amount] {
	kind := c.oneOf(path+".kind", r.Kind, amountInfringement, amountForeign)
	return datedValue[amount]{c.checkProvenance(path, &r.Meta), amount{kind, c.parsePlausible(path+".cents", r.Cents, bandFine)}}
}

func (c *checker) convertRepeat(path string, r *rawRepeat) datedValue[repeat] {
	c.parsePlausible(path+".window_months", r.Window, bandWindow)
	c.parsePlausible(path+".max_per_year", r.PerYear, bandFines)
	anchor := c.oneOf(path+".anchor", r.Anchor, "sending", "event")
	return datedValue[repeat]{c.checkProvenance(path, &r.Meta), repeat{r.Window, r.PerYear, anchor}}
}

func (c *checker) dayPass(path string, r *rawDayPass) datedValue[dayPass] {
	e := datedValue[dayPass]{c.checkProvenance(path, &r.Meta), dayPass{
		untilHour: int(c.parsePlausible(path+".until_hour", r.UntilHour, bandPassHour)),
		daysAfter: int(c.parsePlausible(path+".buy_days_after", r.DaysAfter, bandPassDays)),
		fromIssue: c.parseBool(path+".from_issue", r.FromIssue),
		perYear:   int(c.parsePlausible(path+".max_per_year", r.PerYear, bandPassYear)),
	}}
	if e.v.fromIssue && e.v.daysAfter > 0 {
		c.errorf(path+".buy_days_after", "write 0, or from_issue: false", "a pass that counts from its issue on cures nothing afterwards")
	}
	return e
}

func (c *checker) massClasses(path string, r *rawMassClasses) datedValue[massClasses] {
	e := datedValue[massClasses]{c.checkProvenance(path, &r.Meta), massClasses{
		n1Class1: uint16(c.parsePlausible(path+".n1_class_1_kg", r.N1Class1, bandN1Mass)),
		n1Class2: uint16(c.parsePlausible(path+".n1_class_2_kg", r.N1Class2, bandN1Mass)),
		n2Light:  uint16(c.parsePlausible(path+".n2_light_kg", r.N2Light, bandN2Mass)),
	}}
	if e.v.n1Class2 <= e.v.n1Class1 {
		c.errorf(path+".n1_class_2_kg", "class 2 ends at a larger mass than class 1: correct one of the two", "not above n1_class_1_kg %s", r.N1Class1)
	}
	return e
}

func (c *checker) euroByDate(path string, r *rawEuroByDate) datedValue[euroByDate] {
	e := datedValue[euroByDate]{provenance: c.checkProvenance(path, &r.Meta)}
	e.v.categories = parseEach(c, path+".categories", r.Categories, parseCategory)
	e.v.euro = c.parseEuro(path+".euro", r.Euro)
	e.v.from = c.parseDay(path+".registered_from", r.From)
	e.v.to = schemas.Day(1<<31 - 1)
	if r.To != "open" {
		e.v.to = c.parseDay(path+".registered_to", r.To)
	}
	if e.v.to <= e.v.from {
		c.errorf(path+".registered_to", "write a later day, or open", "%s is not after registered_from %s", r.To, r.From)
	}
	return e
}

func (c *checker) convertForeign(path string, r *rawForeign) datedValue[foreign] {
	c.checkID(path, r.ID)
	e := datedValue[foreign]{provenance: c.checkProvenance(path, &r.Meta)}
	for _, k := range parseEach(c, path+".kinds", r.Kinds, schemas.ParseVehicleKind) {
		e.v.kinds[k] = true
	}
	for _, cat := range parseEach(c, path+".categories", r.Categories, parseCategory) {
		e.v.categories[cat] = true
	}
	e.v.grace = int(c.parsePlausible(path+".grace_days", r.Grace, bandGrace))
	if len(r.NotNeeded) > 0 {
		e.v.notNeeded = parseEach(c, path+".not_needed", r.NotNeeded, schemas.CountryFrom)
	}
	e.v.warn = c.checkPhase(path+".warnings", r.Warnings)
	e.v.fine = c.checkPhase(path+".fines", r.Fines)
	switch {
	case e.v.fine == nil:
		c.errorf(path, "write fines with the day they began, with status: announced when there are none", "the duty to register needs the day of its fines")
	case e.v.warn != nil && e.v.fine.from < e.v.warn.from:
		c.errorf(path+".fines.valid_from", "correct one of the two days", "before the start of warnings %s", e.v.warn.day)
	}
	return e
}

// chainEuroByDate orders a category's rows by registration day; a gap or an overlap is an error.
func (l *lezRules) chainEuroByDate(c *checker, all []datedValue[euroByDate]) {
	for cat := range l.euroByDate {
		rows := selectValues(all, func(e *euroByDate) bool {
			return slices.Contains(e.categories, schemas.Category(cat))
		})
		rows = slices.DeleteFunc(rows, func(e datedValue[euroByDate]) bool { return e.announced })
		slices.SortStableFunc(rows, func(a, b datedValue[euroByDate]) int { return int(a.v.from) - int(b.v.from) })
		for i := 1; i < len(rows); i++ {
			if rows[i-1].v.to != rows[i].v.from {
				v := rows[i].value
				c.addOnce(Finding{
					File: v.File, Line: v.Line, Path: v.Path,
					Text: "first registrations of " + schemas.Category(cat).String() + ": gap or overlap before " + rows[i].v.from.String(),
					Do:   "make registered_to of the row before it the same day",
				})
			}
		}
		l.euroByDate[cat] = rows
	}
}
