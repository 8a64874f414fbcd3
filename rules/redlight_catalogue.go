package rules

import "github.com/gvc-brussels/anpr/schemas"

// Bands for the values of lights, by kind.
var (
	bandLightTolerance   = band{0, 3000, "milliseconds"}
	bandLightImplausible = band{10_000, 600_000, "milliseconds"}
	bandLightFine        = band{5000, 60_000, "cents: EUR 174 is written 17400"}
)

// redLightRules is the red-light part of the catalogue. Routing and the span of one offence are those of speed.
type redLightRules struct {
	limits map[string]datedSeries[lightLimits] // by aspect
	tariff map[string]datedSeries[int64]       // by aspect; cents
	routes *speedRules
}

// lightLimits says which times into an aspect count; milliseconds.
type lightLimits struct {
	aspect                 string
	tolerance, implausible int64
}

type rawLightLimits struct {
	Meta        rawProvenance `yaml:",inline"`
	Aspect      string        `yaml:"aspect" subject:"yes" words:"aspect"`
	Tolerance   string        `yaml:"tolerance_ms"`
	Implausible string        `yaml:"implausible_above_ms"`
}

type lightTariff struct {
	aspect string
	cents  int64
}

type rawLightTariff struct {
	Meta   rawProvenance `yaml:",inline"`
	Aspect string        `yaml:"aspect" subject:"yes" words:"aspect"`
	Cents  string        `yaml:"cents"`
}

// Load implements [Family].
func (r *redlight) Load(s *Sections) {
	r.general, r.routes = s.general, s.speed
	limits := declareSection(s, "light_limits", (*checker).convertLightLimits)
	tariffs := declareSection(s, "light_tariff", func(c *checker, path string, r *rawLightTariff) datedValue[lightTariff] {
		return datedValue[lightTariff]{c.checkProvenance(path, &r.Meta), lightTariff{
			c.oneOf(path+".aspect", r.Aspect, aspectRed, aspectAmber), c.parsePlausible(path+".cents", r.Cents, bandLightFine),
		}}
	})
	s.onLoaded(func(c *checker) {
		r.limits, r.tariff = map[string]datedSeries[lightLimits]{}, map[string]datedSeries[int64]{}
		for _, aspect := range []string{aspectRed, aspectAmber} {
			r.limits[aspect] = chainValues(c, "light_limits "+aspect, selectValues(*limits, func(l *lightLimits) bool { return l.aspect == aspect }))
			var own []datedValue[int64]
			for _, t := range selectValues(*tariffs, func(t *lightTariff) bool { return t.aspect == aspect }) {
				own = append(own, datedValue[int64]{t.provenance, t.v.cents})
			}
			r.tariff[aspect] = chainValues(c, "light_tariff "+aspect, own)
		}
	})
}

func (c *checker) convertLightLimits(path string, r *rawLightLimits) datedValue[lightLimits] {
	return datedValue[lightLimits]{c.checkProvenance(path, &r.Meta), lightLimits{
		aspect:      c.oneOf(path+".aspect", r.Aspect, aspectRed, aspectAmber),
		tolerance:   c.parsePlausible(path+".tolerance_ms", r.Tolerance, bandLightTolerance),
		implausible: c.parsePlausible(path+".implausible_above_ms", r.Implausible, bandLightImplausible),
	}}
}

// routeAt returns the bound on immediate collection that holds in every surroundings: the bound on the sum is the same
// everywhere, and an offence without an excess has no other.
func (r *speedRules) routeAt(abroad bool, at schemas.Micros) *datedValue[routing] {
	return r.routing[routingKey{abroad, surroundings[0]}].inForceAt(at)
}
