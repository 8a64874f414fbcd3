package rules

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/gvc-brussels/anpr/schemas"
)

// casework holds the catalogue sections for cases.
type casework struct {
	written bool
	clocks  map[clockKey]datedSeries[ClockRule]
	holds   map[string]datedSeries[HoldRule]
	second  map[schemas.Family]datedSeries[SecondLook]
	special []datedValue[PlateSeries]
	tracks  map[string]datedSeries[TrackRule]
	choices map[choiceKey]datedSeries[string]
	regimes map[schemas.Family]datedSeries[string]
	work    datedSeries[CaseWork]
	probes  datedSeries[int]
	wires   map[schemas.Family]datedSeries[Tripwire]
}

// Clocks of a case.
const (
	clockDecide = "decide"
	clockSend   = "send"
	clockDrop   = "drop"
)

// What may follow when a hold has lasted longest.
const (
	thenArbitration = "arbitration"
	thenWithdrawn   = "withdrawn"
	thenOpen        = "open"
)

// Tracks and regimes of a case.
var (
	trackNames  = []string{"immediate_collection", "prosecutor", "regional", "municipal", "alternative"}
	regimeNames = []string{"traffic", string(familyLEZ)}
	seriesKinds = []string{"diplomatic", "royal", "government", "police", "priority"}
	copyNames   = []string{string(CopyVehicles), string(CopyRegistrations), string(CopyPasses), string(CopyExemptions), string(CopyPermits)}
)

// withdrawReasons lists the reasons with which a case is taken back. pipeline/cases has the same set.
var withdrawReasons = []string{
	withdrawnRegistered, withdrawnPass, withdrawnExempt, withdrawnNormKept, "within_window", "cap_reached", "no_evidence", withdrawnClock, withdrawnLimit, withdrawnDevice,
	withdrawnValue, withdrawnCamera, withdrawnNotProvable, withdrawnDuplicate, "recipient_asked", "other",
}

// ExportFields lists the fields that an export check may demand.
func ExportFields() []string {
	return []string{
		"offence_id", "number", "plate", "country", "captured_at", "site", "municipality", "street", "lane", "direction", "rule", "legal_basis", "amount", "picture", "seal",
		"device_serial", "device_approval", "measured_speed", "corrected_speed", "limit", "automatic_device", "officer", "appointment",
	}
}

// Bands for the values for cases.
var (
	bandClockDays   = band{-31, 400, "days"}
	bandClockMonths = band{0, 24, "months"}
	bandLongest     = band{0, 120, "days"}
	bandShare       = band{0, 10_000, "per 10,000"}
	bandSeconds     = band{5, 120, "seconds"}
	bandCounter     = band{1, 168, "hours"}
	bandMinutes     = band{1, 60, "minutes"}
	bandHandDays    = band{1, 30, "days"}
	bandSkips       = band{2, 10, "skips"}
	bandShown       = band{0, 5_000, "milliseconds"}
	bandSecondSpeed = band{0, 100, "km/h"}
	bandDoubt       = band{0, 1000, "per mille"}
)

type rawClock struct {
	Meta   rawProvenance `yaml:",inline"`
	Family string        `yaml:"family" subject:"yes" words:"family"`
	Clock  string        `yaml:"clock" subject:"yes" words:"clock"`
	Anchor string        `yaml:"anchor" words:"anchor"`
	Months string        `yaml:"months"`
	Days   string        `yaml:"days"`
}

type rawHold struct {
	Meta       rawProvenance `yaml:",inline"`
	Reason     string        `yaml:"reason" subject:"yes" words:"reason"`
	Ends       string        `yaml:"ends" words:"end"`
	Copies     []string      `yaml:"copies" words:"copy"`
	Longest    string        `yaml:"longest_days"`
	AtDecideBy string        `yaml:"at_decide_by"`
	Then       string        `yaml:"then" words:"then"`
	Withdraw   string        `yaml:"withdraw_reason"`
}

type rawSecond struct {
	Meta       rawProvenance `yaml:",inline"`
	Family     string        `yaml:"family" subject:"yes" words:"family"`
	NotBelgian string        `yaml:"not_belgian"`
	Confidence string        `yaml:"confidence_below_per_mille"`
	Excess     string        `yaml:"excess_from_kmh"`
	Tracks     []string      `yaml:"tracks" words:"track"`
	Special    string        `yaml:"special_plates"`
	Unverified string        `yaml:"unverified_values"`
	Confirms   string        `yaml:"confirms_per_10000"`
	Rejects    string        `yaml:"rejects_per_10000"`
}

type rawSeries struct {
	Meta    rawProvenance `yaml:",inline"`
	Kind    string        `yaml:"kind" subject:"yes" words:"series"`
	Country string        `yaml:"country" subject:"yes"`
	Form    string        `yaml:"form" subject:"yes"`
}

type rawTrack struct {
	Meta   rawProvenance `yaml:",inline"`
	Track  string        `yaml:"track" subject:"yes" words:"track"`
	Regime string        `yaml:"regime" words:"regime"`
	Fields []string      `yaml:"fields"`
}

type rawChoice struct {
	Meta   rawProvenance `yaml:",inline"`
	Family string        `yaml:"family" subject:"yes" words:"family"`
	Reason string        `yaml:"reason" subject:"yes" words:"reason"`
	Track  string        `yaml:"track" words:"track"`
}

type rawRegime struct {
	Meta   rawProvenance `yaml:",inline"`
	Family string        `yaml:"family" subject:"yes" words:"family"`
	Regime string        `yaml:"regime" words:"regime"`
}

type rawWork struct {
	Meta    rawProvenance `yaml:",inline"`
	Settle  string        `yaml:"settle_seconds"`
	Counter string        `yaml:"counter_hours"`
	Preview string        `yaml:"preview_minutes"`
	Hold    string        `yaml:"agent_hold_days"`
	Skips   string        `yaml:"skips"`
	Shown   string        `yaml:"min_shown_ms"`
}

type rawProbes struct {
	Meta  rawProvenance `yaml:",inline"`
	Share string        `yaml:"per_10000"`
}

// keyed is a value with the key of its series.
type keyed[K comparable, V any] struct {
	key K
	v   V
}

// declareKeyed declares a section with a series of values for each key.
func declareKeyed[R any, K comparable, V any](s *Sections, name string, convert func(c *checker, path string, r *R) datedValue[keyed[K, V]], into *map[K]datedSeries[V]) {
	rows := declareSection(s, name, convert)
	s.onLoaded(func(c *checker) {
		by := map[K][]datedValue[V]{}
		var order []K
		for _, r := range *rows {
			if by[r.v.key] == nil {
				order = append(order, r.v.key)
			}
			by[r.v.key] = append(by[r.v.key], datedValue[V]{r.provenance, r.v.v})
		}
		*into = map[K]datedSeries[V]{}
		for _, k := range order {
			(*into)[k] = chainValues(c, strings.TrimSpace(fmt.Sprintf("%s of %v", name, k)), by[k])
		}
	})
}

// loadSections declares the sections. A catalogue may lack all of them, see [Catalogue.CaseRulesAt], but not some.
func (w *casework) loadSections(s *Sections) {
	first := len(s.all)
	declareKeyed(s, "case_clocks", (*checker).convertClock, &w.clocks)
	declareKeyed(s, "case_holds", (*checker).convertHold, &w.holds)
	declareKeyed(s, "second_look", (*checker).convertSecond, &w.second)
	special := declareSection(s, "special_plates", (*checker).convertSpecial)
	declareKeyed(s, "case_tracks", (*checker).convertTrack, &w.tracks)
	declareKeyed(s, "track_choices", (*checker).convertChoice, &w.choices)
	declareKeyed(s, "case_regimes", (*checker).convertRegime, &w.regimes)
	declareSeries(s, "case_work", (*checker).convertWork, &w.work)
	declareSeries(s, "known_answers", func(c *checker, path string, r *rawProbes) datedValue[int] {
		return datedValue[int]{c.checkProvenance(path, &r.Meta), int(c.parsePlausible(path+".per_10000", r.Share, bandShare))}
	}, &w.probes)
	declareKeyed(s, "tripwires", (*checker).convertTripwire, &w.wires)
	s.onLoaded(func(c *checker) {
		w.special = *special
		w.checkComplete(c)
	})
	for i := first; i < len(s.all); i++ {
		s.all[i].optional = true
	}
}

// checkComplete reports a section or a row without which a case would have no end. A catalogue without any of the
// sections is complete.
func (w *casework) checkComplete(c *checker) {
	sections := []struct {
		name string
		size int
	}{
		{"case_clocks", len(w.clocks)},
		{"case_holds", len(w.holds)},
		{"second_look", len(w.second)},
		{"case_tracks", len(w.tracks)},
		{"track_choices", len(w.choices)},
		{"case_regimes", len(w.regimes)},
		{"case_work", len(w.work)},
		{"known_answers", len(w.probes)},
	}
	for _, s := range sections {
		w.written = w.written || s.size > 0
	}
	for _, s := range sections {
		if w.written && s.size == 0 {
			c.report(Finding{File: ".", Path: s.name, Text: "section missing", Do: "write it, or leave out every section for cases to use the built-in values"})
		}
	}
	for _, clock := range []string{clockDecide, clockSend, clockDrop} {
		demandRow(c, "case_clocks", w.clocks, clockKey{anyFamily, clock}, "the clock "+clock+" of family all")
	}
	demandRow(c, "second_look", w.second, anyFamily, "family all")
	demandRow(c, "tripwires", w.wires, anyFamily, "family all")
	demandRow(c, "case_regimes", w.regimes, anyFamily, "family all")
	for _, reason := range HoldReasons() {
		demandRow(c, "case_holds", w.holds, reason, "the reason "+reason+": nothing would end such a hold")
	}
}

// demandRow reports a key without a value, in a section that has other values.
func demandRow[K comparable, V any](c *checker, section string, rows map[K]datedSeries[V], key K, what string) {
	file := ""
	for _, s := range rows {
		if len(s) > 0 {
			file = s[0].value.File // a section stands in one file
		}
	}
	if file != "" && len(rows[key]) == 0 {
		c.report(Finding{File: file, Path: section, Text: "no row for " + what, Do: "write the row"})
	}
}

// HandHoldReasons lists the reasons of a hold by hand.
func HandHoldReasons() []string {
	return []string{"awaits_register", "awaits_partner", "camera_checked", "other"}
}

// HoldReasons lists every reason for which a case can be held: the reasons of the families, then those of a hold by
// hand.
func HoldReasons() (out []string) {
	for _, info := range Families() {
		for reason := range info.Todo {
			out = append(out, reason)
		}
	}
	slices.Sort(out)
	return append(slices.Compact(out), HandHoldReasons()...)
}

// grounds returns what the value rests on.
func (m *provenance) grounds() Grounds {
	return Grounds{ValidFrom: m.day, LegalBasis: m.cite, Source: m.value.Source, Verified: m.verified}
}

// parseFamily reads a family's name, or all.
func (c *checker) parseFamily(path, s string) schemas.Family {
	if s == "all" {
		return anyFamily
	}
	c.oneOf(path+".family", s, append([]string{"all"}, FamilyNames((*Info).Decides)...)...)
	return schemas.Family(s)
}

func (c *checker) convertClock(path string, r *rawClock) datedValue[keyed[clockKey, ClockRule]] {
	m := c.checkProvenance(path, &r.Meta)
	return datedValue[keyed[clockKey, ClockRule]]{m, keyed[clockKey, ClockRule]{
		clockKey{c.parseFamily(path, r.Family), c.oneOf(path+".clock", r.Clock, clockDecide, clockSend, clockDrop)},
		ClockRule{
			Anchor: c.oneOf(path+".anchor", r.Anchor, AnchorCaptured, AnchorTakenIn),
			Months: int(c.parsePlausible(path+".months", cmp.Or(r.Months, "0"), bandClockMonths)),
			Days:   int(c.parsePlausible(path+".days", r.Days, bandClockDays)), Grounds: m.grounds(),
		},
	}}
}

func (c *checker) convertHold(path string, r *rawHold) datedValue[keyed[string, HoldRule]] {
	m := c.checkProvenance(path, &r.Meta)
	h := HoldRule{
		Reason: c.oneOf(path+".reason", r.Reason, HoldReasons()...), Grounds: m.grounds(),
		Ends:        HoldEnd(c.oneOf(path+".ends", r.Ends, string(EndsByDate), string(EndsByCopy), string(EndsByKeying), string(EndsByHand))),
		LongestDays: int(c.parsePlausible(path+".longest_days", cmp.Or(r.Longest, "0"), bandLongest)),
		AtDecideBy:  r.AtDecideBy != "" && c.parseBool(path+".at_decide_by", r.AtDecideBy),
		Then:        c.oneOf(path+".then", r.Then, thenArbitration, thenWithdrawn, thenOpen),
	}
	if len(r.Copies) > 0 {
		for _, name := range parseEach(c, path+".copies", r.Copies, func(s string) (string, bool) { return s, slices.Contains(copyNames, s) }) {
			h.Copies = append(h.Copies, Copy(name))
		}
	}
	if (h.Ends == EndsByCopy || h.Ends == EndsByDate && !slices.Contains(HandHoldReasons(), h.Reason)) && len(h.Copies) == 0 {
		c.errorf(path+".copies", "name the copies that could cure the hold", "missing")
	}
	if h.Then == thenWithdrawn {
		h.WithdrawReason = c.oneOf(path+".withdraw_reason", r.Withdraw, withdrawReasons...)
	}
	if h.Ends != EndsByDate && h.LongestDays == 0 && !h.AtDecideBy {
		c.errorf(path+".longest_days", "write longest_days, or at_decide_by: true", "the hold has no end")
	}
	return datedValue[keyed[string, HoldRule]]{m, keyed[string, HoldRule]{h.Reason, h}}
}

func (c *checker) convertSecond(path string, r *rawSecond) datedValue[keyed[schemas.Family, SecondLook]] {
	m := c.checkProvenance(path, &r.Meta)
	v := SecondLook{
		NotBelgian:      c.parseBool(path+".not_belgian", r.NotBelgian),
		ConfidenceBelow: schemas.PerMille(c.parsePlausible(path+".confidence_below_per_mille", r.Confidence, bandDoubt)),
		ExcessFrom:      schemas.Speed(10 * c.parsePlausible(path+".excess_from_kmh", r.Excess, bandSecondSpeed)),
		Special:         c.parseBool(path+".special_plates", r.Special), Unverified: c.parseBool(path+".unverified_values", r.Unverified),
		Confirms: int(c.parsePlausible(path+".confirms_per_10000", r.Confirms, bandShare)),
		Rejects:  int(c.parsePlausible(path+".rejects_per_10000", r.Rejects, bandShare)), Grounds: m.grounds(),
	}
	if len(r.Tracks) > 0 {
		v.Tracks = parseEach(c, path+".tracks", r.Tracks, func(s string) (string, bool) { return s, slices.Contains(trackNames, s) })
	}
	return datedValue[keyed[schemas.Family, SecondLook]]{m, keyed[schemas.Family, SecondLook]{c.parseFamily(path, r.Family), v}}
}

func (c *checker) convertSpecial(path string, r *rawSeries) datedValue[PlateSeries] {
	m := c.checkProvenance(path, &r.Meta)
	v := PlateSeries{Kind: c.oneOf(path+".kind", r.Kind, seriesKinds...), Grounds: m.grounds()}
	var ok bool
	if v.Country, ok = schemas.CountryFrom(r.Country); !ok {
		c.errorf(path+".country", "write an ISO code such as BE", "%q is not a country", r.Country)
	}
	form, err := regexp.Compile(r.Form)
	if err != nil || !strings.HasPrefix(r.Form, "^") || !strings.HasSuffix(r.Form, "$") {
		c.errorf(path+".form", "write a regular expression from ^ to $, such as ^CD[A-Z]{2}[0-9]{3}$", "%q is not one", r.Form)
		form = regexp.MustCompile(`^\b\B$`) // matches nothing
	}
	v.Form = form
	return datedValue[PlateSeries]{m, v}
}

func (c *checker) convertTrack(path string, r *rawTrack) datedValue[keyed[string, TrackRule]] {
	m := c.checkProvenance(path, &r.Meta)
	known := ExportFields()
	t := TrackRule{
		Track: c.oneOf(path+".track", r.Track, trackNames...), Regime: c.oneOf(path+".regime", r.Regime, regimeNames...), Grounds: m.grounds(),
		Fields: parseEach(c, path+".fields", r.Fields, func(s string) (string, bool) { return s, slices.Contains(known, s) }),
	}
	return datedValue[keyed[string, TrackRule]]{m, keyed[string, TrackRule]{t.Track, t}}
}

func (c *checker) convertChoice(path string, r *rawChoice) datedValue[keyed[choiceKey, string]] {
	m := c.checkProvenance(path, &r.Meta)
	f := c.parseFamily(path, r.Family)
	if info := InfoOf(f); info != nil && r.Reason != "" {
		c.oneOf(path+".reason", r.Reason, info.Reasons...)
	}
	return datedValue[keyed[choiceKey, string]]{m, keyed[choiceKey, string]{choiceKey{f, r.Reason}, c.oneOf(path+".track", r.Track, trackNames...)}}
}

func (c *checker) convertRegime(path string, r *rawRegime) datedValue[keyed[schemas.Family, string]] {
	m := c.checkProvenance(path, &r.Meta)
	return datedValue[keyed[schemas.Family, string]]{m, keyed[schemas.Family, string]{c.parseFamily(path, r.Family), c.oneOf(path+".regime", r.Regime, regimeNames...)}}
}

func (c *checker) convertWork(path string, r *rawWork) datedValue[CaseWork] {
	m := c.checkProvenance(path, &r.Meta)
	number := func(key, s string, b band) int64 { return c.parsePlausible(path+"."+key, s, b) }
	return datedValue[CaseWork]{m, CaseWork{
		Settle:        schemas.Micros(number("settle_seconds", r.Settle, bandSeconds)) * schemas.Second,
		CounterWithin: schemas.Micros(number("counter_hours", r.Counter, bandCounter)) * schemas.Hour,
		Preview:       schemas.Micros(number("preview_minutes", r.Preview, bandMinutes)) * schemas.Minute,
		AgentHoldDays: int(number("agent_hold_days", r.Hold, bandHandDays)), Skips: int(number("skips", r.Skips, bandSkips)),
		MinShownMS: number("min_shown_ms", r.Shown, bandShown), Grounds: m.grounds(),
	}}
}
