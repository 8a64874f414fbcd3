package rules

import (
	"slices"
	"strconv"
	"strings"

	"github.com/gvc-brussels/anpr/schemas"
)

// categorySet is a set of vehicle categories, by category.
type categorySet [16]bool

var _ = categorySet{}[schemas.T] // the last category has its place

func (s *categorySet) has(c schemas.Category) bool { return int(c) < len(s) && s[c] }

type contradiction struct {
	kind       schemas.VehicleKind
	categories categorySet
}

type rawContradiction struct {
	Meta       rawMeta  `yaml:",inline"`
	Kind       string   `yaml:"kind"`
	Categories []string `yaml:"categories"`
}

type plateForms struct {
	country schemas.Country
	forms   []plateForm
}

type rawPlateForms struct {
	Meta    rawMeta  `yaml:",inline"`
	Country string   `yaml:"country"`
	Forms   []string `yaml:"forms"`
}

// plateForm is a sequence of runs of letters and digits.
type plateForm []plateRun

type plateRun struct {
	letters     bool
	least, most int
}

// fits reports whether the plate is made of the runs. Whatever is neither letter nor digit stands between two runs and counts for nothing.
func (f plateForm) fits(p schemas.Plate) bool {
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

func (c *checker) contradiction(path string, r *rawContradiction) entry[contradiction] {
	e := entry[contradiction]{meta: c.meta(path, &r.Meta)}
	k, ok := schemas.ParseVehicleKind(r.Kind)
	if !ok || k == schemas.KindUnknown {
		c.errorf(path+".kind", "write car, van, truck, bus or motorcycle", "%q is not what a camera sees", r.Kind)
	}
	e.v.kind, e.v.categories = k, c.categories(path+".categories", r.Categories)
	return e
}

func (c *checker) categories(path string, names []string) (out categorySet) {
	for _, x := range each(c, path, names, schemas.ParseCategory) {
		out[x] = true
	}
	return out
}

func (c *checker) plateForms(path string, r *rawPlateForms) entry[plateForms] {
	e := entry[plateForms]{meta: c.meta(path, &r.Meta)}
	var ok bool
	if e.v.country, ok = schemas.CountryFrom(r.Country); !ok {
		c.errorf(path+".country", "write the two letters of the country", "%q is not a country", r.Country)
	}
	for _, s := range each(c, path+".forms", r.Forms, func(s string) (string, bool) { _, ok := parsePlateForm(s); return s, ok }) {
		f, _ := parsePlateForm(s)
		e.v.forms = append(e.v.forms, f)
	}
	return e
}

// parsePlateForm reads runs such as 9A3 93: A or 9, then how many of them, or least-most.
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

func (g *general) chainDoubt(c *checker, p *parts) {
	g.seen, g.forms = map[schemas.VehicleKind]series[categorySet]{}, map[schemas.Country]series[[]plateForm]{}
	for _, e := range p.seen {
		if _, done := g.seen[e.v.kind]; done {
			continue
		}
		all := pick(p.seen, func(x *contradiction) bool { return x.kind == e.v.kind })
		for _, x := range chain(c, "kind_contradicts "+e.v.kind.String(), all) {
			g.seen[e.v.kind] = append(g.seen[e.v.kind], entry[categorySet]{x.meta, x.v.categories})
		}
	}
	for _, e := range p.forms {
		if _, done := g.forms[e.v.country]; done {
			continue
		}
		all := pick(p.forms, func(x *plateForms) bool { return x.country == e.v.country })
		for _, x := range chain(c, "plate_forms "+e.v.country.String(), all) {
			g.forms[e.v.country] = append(g.forms[e.v.country], entry[[]plateForm]{x.meta, x.v.forms})
		}
	}
}

// hasForm says whether the plate has one of the country's forms at the time, and by which value; nil = the catalogue has none.
func (g *general) hasForm(p schemas.Plate, country schemas.Country, at schemas.Micros) (e *entry[[]plateForm], fits bool) {
	p = p.Unbounded()
	e = g.forms[country].at(at)
	return e, e != nil && slices.ContainsFunc(e.v, func(f plateForm) bool { return f.fits(p) })
}
