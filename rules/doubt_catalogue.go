package rules

import (
	"slices"
	"strconv"
	"strings"

	"github.com/gvc-brussels/anpr/schemas"
)

// general holds the values shared by the families.
type general struct {
	confidence datedSeries[schemas.PerMille]
	country    datedSeries[schemas.PerMille]                    // least confidence of the country
	seen       map[schemas.VehicleKind]datedSeries[categorySet] // categories that a kind of the camera contradicts
	forms      map[schemas.Country]datedSeries[[]plateForm]
	maxAge     datedSeries[registerAge]
	exemptions map[exemptionKey]*exemptionSeries
	bodies     map[bodyKey]*exemptionSeries // of the vehicles whose register shows the body
	travel     datedSeries[travelRule]
}

type registerAge struct {
	age   schemas.Micros
	hours string
}

type exemptionKey struct {
	family schemas.Family
	kind   string
}

type bodyKey struct {
	family schemas.Family
	body   schemas.Body
}

type exemptionRule struct {
	exemptionKey
	months int // longest validity; 0 = not bounded
	body   schemas.Body
}

type exemptionSeries struct {
	reason string // "exempt_" + kind
	series datedSeries[exemptionRule]
}

type rawPlateConfidence struct {
	Meta     rawProvenance `yaml:",inline"`
	PerMille string        `yaml:"per_mille"`
}

type rawRegisterMaxAge struct {
	Meta  rawProvenance `yaml:",inline"`
	Hours string        `yaml:"hours"`
}

type rawExemption struct {
	Meta     rawProvenance `yaml:",inline"`
	Kind     string        `yaml:"kind" subject:"yes" words:"exemption"`
	Family   string        `yaml:"family" subject:"yes" words:"family"`
	Handling string        `yaml:"handling" words:"handling"`
	Months   string        `yaml:"validity_months"`
	Body     string        `yaml:"body"`
}

// loadSections declares the shared sections.
func (g *general) loadSections(s *Sections) {
	declareSeries(s, "plate_confidence_min", func(c *checker, path string, r *rawPlateConfidence) datedValue[schemas.PerMille] {
		return datedValue[schemas.PerMille]{c.checkProvenance(path, &r.Meta), schemas.PerMille(c.parsePlausible(path+".per_mille", r.PerMille, bandConfidence))}
	}, &g.confidence)
	declareSeries(s, "country_confidence_min", func(c *checker, path string, r *rawPlateConfidence) datedValue[schemas.PerMille] {
		return datedValue[schemas.PerMille]{c.checkProvenance(path, &r.Meta), schemas.PerMille(c.parseWhole(path+".per_mille", r.PerMille, 0, 1000))}
	}, &g.country)
	seen := declareSection(s, "kind_contradicts", (*checker).convertContradiction)
	s.onLoaded(func(c *checker) { g.chainContradictions(c, *seen) })
	forms := declareSection(s, "plate_forms", (*checker).plateForms)
	s.onLoaded(func(c *checker) { g.chainPlateForms(c, *forms) })
	declareSeries(s, "register_max_age", func(c *checker, path string, r *rawRegisterMaxAge) datedValue[registerAge] {
		h := c.parsePlausible(path+".hours", r.Hours, bandRegisterAge)
		return datedValue[registerAge]{c.checkProvenance(path, &r.Meta), registerAge{schemas.Micros(h) * schemas.Hour, r.Hours}}
	}, &g.maxAge)
	declareSeries(s, "travel_compared", (*checker).convertTravelRule, &g.travel)
	exemptions := declareSection(s, "exemptions", (*checker).convertExemption)
	s.onLoaded(func(c *checker) { g.chainExemptions(c, *exemptions) })
}

func (c *checker) convertExemption(path string, r *rawExemption) datedValue[exemptionRule] {
	e := datedValue[exemptionRule]{provenance: c.checkProvenance(path, &r.Meta)}
	e.v.family = schemas.Family(c.oneOf(path+".family", r.Family, FamilyNames((*Info).Decides)...))
	e.v.kind = r.Kind
	if r.Kind == "" {
		c.errorf(path+".kind", "name the kind as the reference data does", "missing")
	} else if _, ok := messages[English]["exemption."+r.Kind]; !ok {
		c.errorf(path+".kind", "add exemption."+r.Kind+" to messages/en.yaml, nl.yaml and fr.yaml", "%q has no text for staff", r.Kind)
	}
	handling := c.oneOf(path+".handling", r.Handling, "automatic", "on_request")
	if r.Body != "" {
		b, ok := schemas.ParseBody(r.Body)
		byBody := FamilyNames(func(i *Info) bool { return i.ByBody })
		if !ok || b == schemas.BodyUnknown || b == schemas.BodyOther || handling != "automatic" || !slices.Contains(byBody, r.Family) {
			c.errorf(path+".body", "write BC or SA in a row of family "+strings.Join(byBody, " or ")+" whose handling is automatic, or leave it out",
				"%q exempts nobody", r.Body)
		} else {
			e.v.body = b
		}
	}
	if r.Months != "" {
		e.v.months = int(c.parsePlausible(path+".validity_months", r.Months, bandExemption))
	}
	return e
}

func (g *general) chainExemptions(c *checker, all []datedValue[exemptionRule]) {
	g.exemptions, g.bodies = map[exemptionKey]*exemptionSeries{}, map[bodyKey]*exemptionSeries{}
	var keys []exemptionKey
	by := map[exemptionKey][]datedValue[exemptionRule]{}
	for _, e := range all {
		if !slices.Contains(keys, e.v.exemptionKey) {
			keys = append(keys, e.v.exemptionKey)
		}
		by[e.v.exemptionKey] = append(by[e.v.exemptionKey], e)
	}
	for _, k := range keys {
		s := chainValues(c, "exemption "+string(k.family)+" "+k.kind, by[k])
		x := &exemptionSeries{reason: reasonExempt + k.kind, series: s}
		g.exemptions[k] = x
		for i := range s {
			if b := s[i].v.body; b != schemas.BodyUnknown {
				g.bodies[bodyKey{k.family, b}] = x
			}
		}
	}
}

// categorySet is a set indexed by vehicle category.
type categorySet [16]bool

var _ = categorySet{}[schemas.T] // the last category has its place

func (s *categorySet) has(c schemas.Category) bool { return int(c) < len(s) && s[c] }

type contradiction struct {
	kind       schemas.VehicleKind
	categories categorySet
}

type rawContradiction struct {
	Meta       rawProvenance `yaml:",inline"`
	Kind       string        `yaml:"kind" subject:"yes" words:"kind"`
	Categories []string      `yaml:"categories"`
}

type plateForms struct {
	country schemas.Country
	forms   []plateForm
}

type rawPlateForms struct {
	Meta    rawProvenance `yaml:",inline"`
	Country string        `yaml:"country" subject:"yes"`
	Forms   []string      `yaml:"forms"`
}

// plateForm is a sequence: runs of letters or digits.
type plateForm []plateRun

type plateRun struct {
	letters     bool
	least, most int
}

// fitsPlate reports whether the runs make the plate. Other characters may stand between two runs and count for
// nothing.
func (f plateForm) fitsPlate(p schemas.Plate) bool {
	i := 0
	for _, run := range f {
		n := 0
		for i < p.Len() && n < run.most && (isLetter(p.At(i)) == run.letters || isMark(p.At(i))) {
			if !isMark(p.At(i)) {
				n++
			}
			i++
		}
		if n < run.least {
			return false
		}
	}
	return i == p.Len()
}

func isLetter(c byte) bool { return c >= 'A' && c <= 'Z' }
func isMark(c byte) bool   { return !isLetter(c) && (c < '0' || c > '9') }

func (c *checker) convertContradiction(path string, r *rawContradiction) datedValue[contradiction] {
	e := datedValue[contradiction]{provenance: c.checkProvenance(path, &r.Meta)}
	k, ok := schemas.ParseVehicleKind(r.Kind)
	if !ok || k == schemas.KindUnknown {
		c.errorf(path+".kind", "write car, van, truck, bus or motorcycle", "%q is not what a camera sees", r.Kind)
	}
	e.v.kind, e.v.categories = k, c.parseCategories(path+".categories", r.Categories)
	return e
}

func (c *checker) parseCategories(path string, names []string) (out categorySet) {
	for _, x := range parseEach(c, path, names, schemas.ParseCategory) {
		out[x] = true
	}
	return out
}

func (c *checker) plateForms(path string, r *rawPlateForms) datedValue[plateForms] {
	e := datedValue[plateForms]{provenance: c.checkProvenance(path, &r.Meta)}
	var ok bool
	if e.v.country, ok = schemas.CountryFrom(r.Country); !ok {
		c.errorf(path+".country", "write the two letters of the country", "%q is not a country", r.Country)
	}
	for _, s := range parseEach(c, path+".forms", r.Forms, func(s string) (string, bool) { _, ok := parsePlateForm(s); return s, ok }) {
		f, _ := parsePlateForm(s)
		e.v.forms = append(e.v.forms, f)
	}
	return e
}

// parsePlateForm reads runs such as 9A3 93: A or 9, then a count, or least-most.
func parsePlateForm(s string) (plateForm, bool) {
	var out plateForm
	for word := range strings.FieldsSeq(s) {
		if word[0] != 'A' && word[0] != '9' {
			return nil, false
		}
		least, most, ranged := strings.Cut(word[1:], "-")
		if !ranged {
			most = least
		}
		n, err1 := strconv.Atoi(least)
		m, err2 := strconv.Atoi(most)
		if err1 != nil || err2 != nil || n < 0 || m < 1 || n > m || m > schemas.MaxPlate {
			return nil, false
		}
		out = append(out, plateRun{word[0] == 'A', n, m})
	}
	return out, len(out) > 0
}

func (g *general) chainContradictions(c *checker, rows []datedValue[contradiction]) {
	g.seen = map[schemas.VehicleKind]datedSeries[categorySet]{}
	for _, e := range rows {
		if _, done := g.seen[e.v.kind]; done {
			continue
		}
		all := selectValues(rows, func(x *contradiction) bool { return x.kind == e.v.kind })
		for _, x := range chainValues(c, "kind_contradicts "+e.v.kind.String(), all) {
			g.seen[e.v.kind] = append(g.seen[e.v.kind], datedValue[categorySet]{x.provenance, x.v.categories})
		}
	}
}

func (g *general) chainPlateForms(c *checker, rows []datedValue[plateForms]) {
	g.forms = map[schemas.Country]datedSeries[[]plateForm]{}
	for _, e := range rows {
		if _, done := g.forms[e.v.country]; done {
			continue
		}
		all := selectValues(rows, func(x *plateForms) bool { return x.country == e.v.country })
		for _, x := range chainValues(c, "plate_forms "+e.v.country.String(), all) {
			g.forms[e.v.country] = append(g.forms[e.v.country], datedValue[[]plateForm]{x.provenance, x.v.forms})
		}
	}
}

// hasForm says whether the plate has a form from the country at the time, and by which value; nil = no forms in the
// catalogue.
func (g *general) hasForm(p schemas.Plate, country schemas.Country, at schemas.Micros) (e *datedValue[[]plateForm], fits bool) {
	p = p.Unbounded()
	e = g.forms[country].inForceAt(at)
	return e, e != nil && slices.ContainsFunc(e.v, func(f plateForm) bool { return f.fitsPlate(p) })
}
