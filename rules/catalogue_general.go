package rules

import (
	"slices"

	"github.com/gvc-brussels/anpr/schemas"
)

// general is what the families share.
type general struct {
	confidence series[schemas.PerMille]
	country    series[schemas.PerMille]                    // least confidence of the country
	seen       map[schemas.VehicleKind]series[categorySet] // categories that a kind of the camera contradicts
	forms      map[schemas.Country]series[[]plateForm]
	maxAge     series[registerAge]
	exemptions map[exemptionKey]*exemptionSeries
	bodies     [schemas.BodyOther + 1]*exemptionSeries // from the LEZ, of the vehicles whose register shows the body
}

type registerAge struct {
	age   schemas.Micros
	hours string
}

type exemptionKey struct {
	family schemas.Family
	kind   string
}

type exemptionRule struct {
	exemptionKey
	months int // longest validity; 0 = not bounded
	body   schemas.Body
}

type exemptionSeries struct {
	reason string // "exempt_" + kind
	series series[exemptionRule]
}

type rawPlateConfidence struct {
	Meta     rawMeta `yaml:",inline"`
	PerMille string  `yaml:"per_mille"`
}

type rawRegisterMaxAge struct {
	Meta  rawMeta `yaml:",inline"`
	Hours string  `yaml:"hours"`
}

type rawExemption struct {
	Meta     rawMeta `yaml:",inline"`
	Kind     string  `yaml:"kind"`
	Family   string  `yaml:"family"`
	Handling string  `yaml:"handling"`
	Months   string  `yaml:"validity_months"`
	Body     string  `yaml:"body"`
}

func (rd *reader) general(c *checker, d *document) {
	section(rd, c, "plate_confidence_min", d.PlateConfidence, &rd.parts.confidence,
		func(path string, r *rawPlateConfidence) entry[schemas.PerMille] {
			return entry[schemas.PerMille]{c.meta(path, &r.Meta), schemas.PerMille(c.plausible(path+".per_mille", r.PerMille, bandConfidence))}
		})
	section(rd, c, "country_confidence_min", d.CountryConfidence, &rd.parts.country,
		func(path string, r *rawPlateConfidence) entry[schemas.PerMille] {
			return entry[schemas.PerMille]{c.meta(path, &r.Meta), schemas.PerMille(c.whole(path+".per_mille", r.PerMille, 0, 1000))}
		})
	section(rd, c, "kind_contradicts", d.KindContradicts, &rd.parts.seen, c.contradiction)
	section(rd, c, "plate_forms", d.PlateForms, &rd.parts.forms, c.plateForms)
	section(rd, c, "register_max_age", d.RegisterMaxAge, &rd.parts.maxAge,
		func(path string, r *rawRegisterMaxAge) entry[registerAge] {
			h := c.plausible(path+".hours", r.Hours, bandRegisterAge)
			return entry[registerAge]{c.meta(path, &r.Meta), registerAge{schemas.Micros(h) * schemas.Hour, r.Hours}}
		})
	section(rd, c, "exemptions", d.Exemptions, &rd.parts.exemptions, c.exemption)
}

func (c *checker) exemption(path string, r *rawExemption) entry[exemptionRule] {
	e := entry[exemptionRule]{meta: c.meta(path, &r.Meta)}
	e.v.family = schemas.Family(c.oneOf(path+".family", r.Family, string(schemas.FamilyLEZ), string(schemas.FamilySpeed)))
	e.v.kind = r.Kind
	if r.Kind == "" {
		c.errorf(path+".kind", "name the kind as the reference data does", "missing")
	} else if _, ok := messages[English]["exemption."+r.Kind]; !ok {
		c.errorf(path+".kind", "add exemption."+r.Kind+" to messages/en.yaml, nl.yaml and fr.yaml", "%q has no text for staff", r.Kind)
	}
	handling := c.oneOf(path+".handling", r.Handling, "automatic", "on_request")
	if r.Body != "" {
		b, ok := schemas.ParseBody(r.Body)
		if !ok || b == schemas.BodyUnknown || b == schemas.BodyOther || handling != "automatic" || e.v.family != schemas.FamilyLEZ {
			c.errorf(path+".body", "write BC or SA in a row of family lez whose handling is automatic, or leave it out", "%q exempts nobody", r.Body)
		} else {
			e.v.body = b
		}
	}
	if r.Months != "" {
		e.v.months = int(c.plausible(path+".validity_months", r.Months, bandExemption))
	}
	return e
}

func (rd *reader) chainGeneral(c *checker) {
	g := &rd.cat.general
	g.confidence = chain(c, "plate_confidence_min", rd.parts.confidence)
	g.country = chain(c, "country_confidence_min", rd.parts.country)
	g.chainDoubt(c, &rd.parts)
	g.maxAge = chain(c, "register_max_age", rd.parts.maxAge)
	g.exemptions = map[exemptionKey]*exemptionSeries{}
	var keys []exemptionKey
	by := map[exemptionKey][]entry[exemptionRule]{}
	for _, e := range rd.parts.exemptions {
		if !slices.Contains(keys, e.v.exemptionKey) {
			keys = append(keys, e.v.exemptionKey)
		}
		by[e.v.exemptionKey] = append(by[e.v.exemptionKey], e)
	}
	for _, k := range keys {
		s := chain(c, "exemption "+string(k.family)+" "+k.kind, by[k])
		x := &exemptionSeries{reason: reasonExempt + k.kind, series: s}
		g.exemptions[k] = x
		for i := range s {
			if b := s[i].v.body; b != schemas.BodyUnknown {
				g.bodies[b] = x
			}
		}
	}
}
