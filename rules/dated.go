package rules

import (
	"slices"
	"strings"

	"github.com/gvc-brussels/anpr/schemas"
)

// open is the validity end for a value without an end.
const open = schemas.Micros(1<<63 - 1)

// provenance is common to every catalogue value, immutable once loaded.
type provenance struct {
	from, to  schemas.Micros // [from, to) by capture time; Brussels midnights
	day       string         // valid_from as written; orders as text
	cite      string         // legal basis and day, see Basis.cite
	verified  bool
	announced bool // listed, not in force
	value     *Value
}

func (m *provenance) isInForce(at schemas.Micros) bool { return at >= m.from && at < m.to }

// entry is a dated value.
type datedValue[T any] struct {
	provenance
	v T
}

// series is a value over time: entries in force, ordered, without gap or overlap.
type datedSeries[T any] []datedValue[T]

// at returns the entry in force at the instant, or nil. The search begins with the newest entry, because live traffic
// asks for it.
func (s datedSeries[T]) inForceAt(t schemas.Micros) *datedValue[T] {
	for i := len(s) - 1; i >= 0; i-- {
		if s[i].isInForce(t) {
			return &s[i]
		}
	}
	return nil
}

// rawProvenance is provenance as written in the file. Scalars are read as text, because the YAML reader would quietly
// cut 5.5 to 5.
type rawProvenance struct {
	ValidFrom  string `yaml:"valid_from"`
	ValidTo    string `yaml:"valid_to"`
	LegalBasis Basis  `yaml:"legal_basis"`
	Source     string `yaml:"source"`
	Verified   string `yaml:"verified"`
	Status     string `yaml:"status"`
}

// checkProvenance checks and converts. A fault becomes a finding and a zero value.
func (c *checker) checkProvenance(path string, r *rawProvenance) provenance {
	m := provenance{day: r.ValidFrom, announced: r.Status == "announced"}
	if r.Status != "" && r.Status != "announced" && r.Status != "in_force" {
		c.errorf(path+".status", "write in_force or announced, or leave it out", "%q is not a status", r.Status)
	}
	m.from, m.to = c.parseSpan(path, r, m.announced)
	c.checkBasis(path+".legal_basis", r.LegalBasis)
	if strings.TrimSpace(r.Source) == "" {
		c.errorf(path+".source", "say where the value was read", "missing")
	}
	m.verified = c.parseBool(path+".verified", r.Verified)
	m.cite = r.LegalBasis.citeWithDay(r.ValidFrom)
	m.value = &Value{
		File: c.file, Line: c.lineOf(path), Path: strings.TrimPrefix(path, "$."), ValidFrom: r.ValidFrom, ValidTo: r.ValidTo,
		LegalBasis: r.LegalBasis, Source: r.Source, Verified: m.verified, Announced: m.announced,
	}
	c.values = append(c.values, *m.value)
	return m
}

func (c *checker) parseSpan(path string, r *rawProvenance, announced bool) (from, to schemas.Micros) {
	to = open
	if r.ValidFrom == "unknown" && announced {
		from = open
	} else {
		d := c.parseDay(path+".valid_from", r.ValidFrom)
		c.plausibleDay(path+".valid_from", d)
		from = d.Start()
	}
	if r.ValidTo != "open" {
		d := c.parseDay(path+".valid_to", r.ValidTo)
		c.plausibleDay(path+".valid_to", d)
		to = d.Start()
	}
	if from != open && to <= from {
		c.errorf(path+".valid_to", "it is the first day the value no longer holds: write a later one, or open",
			"%s is not after valid_from %s", r.ValidTo, r.ValidFrom)
	}
	return from, to
}

// chainValues keeps the entries in force, ordered by time, and reports every gap and overlap. what names the chain.
func chainValues[T any](c *checker, what string, all []datedValue[T]) datedSeries[T] {
	s := make(datedSeries[T], 0, len(all))
	for i := range all {
		if !all[i].announced {
			s = append(s, all[i])
		}
	}
	slices.SortStableFunc(s, func(a, b datedValue[T]) int { return int(min(max(a.from-b.from, -1), 1)) })
	for i := 1; i < len(s); i++ {
		prev, next := s[i-1].value, s[i].value
		if s[i-1].to == s[i].from {
			continue
		}
		kind := "overlap"
		if s[i-1].to < s[i].from {
			kind = "gap"
		}
		c.addOnce(Finding{
			File: next.File, Line: next.Line, Path: next.Path,
			Text: what + ": " + kind + " between valid_to " + prev.ValidTo + " of " + prev.Path + " and valid_from " + next.ValidFrom,
			Do:   "make valid_to of the earlier value the valid_from of the later one",
		})
	}
	if n := len(s); n > 0 && s[n-1].to != open {
		last := s[n-1].value
		c.addOnce(Finding{
			File: last.File, Line: last.Line, Path: last.Path, Warning: true,
			Text: what + ": ends on " + last.ValidTo + " and nothing follows", Do: "write what follows, or valid_to: open",
		})
	}
	return s
}

// selectValues returns the entries whose value is wanted.
func selectValues[T any](all []datedValue[T], want func(*T) bool) []datedValue[T] {
	var out []datedValue[T]
	for i := range all {
		if want(&all[i].v) {
			out = append(out, all[i])
		}
	}
	return out
}
