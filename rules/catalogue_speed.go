package rules

import (
	"slices"

	"github.com/gvc-brussels/anpr/schemas"
)

// speedRules is the speed part of the catalogue.
type speedRules struct {
	correction series[correction]
	rounding   series[string]
	tariff     map[string]series[tariff]      // by surroundings
	routing    map[routingKey]series[routing] // by plates and surroundings
	oneOffence series[schemas.Micros]         // measurements of a plate at a site closer than this are one offence

	class       map[classKey]series[classLimit]
	kinds       map[kindKey]series[classLimit]
	lowest      map[string]schemas.Speed // by surroundings: below it no limit of a class matters
	implausible map[schemas.Category]series[implausible]
}

// correction is the legal margin. Speeds in tenths of km/h.
type correction struct {
	boundary, below schemas.Speed
	percent         int64
}

// tariff is the immediate collection; money in cents, speed in whole km/h.
type tariff struct {
	surroundings       []string
	base, baseKMH, per int64
}

type routingKey struct {
	abroad   bool
	surround string
}

// routing bounds immediate collection. maxExcess below 0 = not bounded.
type routing struct {
	abroad              bool
	surroundings        []string
	maxTotal, maxExcess int64
}

type speedParts struct {
	correction []entry[correction]
	rounding   []entry[string]
	tariff     []entry[tariff]
	routing    []entry[routing]
	oneOffence []entry[schemas.Micros]

	class       []entry[classLimit]
	implausible []entry[implausible]
}

type rawCorrection struct {
	Meta     rawMeta `yaml:",inline"`
	Boundary string  `yaml:"boundary_kmh"`
	Below    string  `yaml:"below_kmh"`
	Percent  string  `yaml:"above_percent"`
}

type rawRounding struct {
	Meta rawMeta `yaml:",inline"`
	Mode string  `yaml:"mode"`
}

type rawTariff struct {
	Meta         rawMeta  `yaml:",inline"`
	ID           string   `yaml:"id"`
	Surroundings []string `yaml:"surroundings"`
	Base         string   `yaml:"base_cents"`
	BaseKMH      string   `yaml:"base_kmh"`
	Per          string   `yaml:"per_kmh_cents"`
}

type rawRouting struct {
	Meta         rawMeta  `yaml:",inline"`
	ID           string   `yaml:"id"`
	Plates       string   `yaml:"plates"`
	Surroundings []string `yaml:"surroundings"`
	MaxTotal     string   `yaml:"max_total_cents"`
	MaxExcess    string   `yaml:"max_excess_kmh"`
}

type rawOneOffence struct {
	Meta   rawMeta `yaml:",inline"`
	Within string  `yaml:"within_seconds"`
}

// surroundings are the words of schemas.SpeedLimit.Surround.
var surroundings = []string{"built_up", "zone_30", "school", "residential", "motorway", "other"}

func surround(s string) (string, bool) { return s, slices.Contains(surroundings, s) }

func (rd *reader) speed(c *checker, d *document) {
	p := &rd.parts.speed
	section(rd, c, "correction", d.Correction, &p.correction, c.correction)
	section(rd, c, "rounding", d.Rounding, &p.rounding, func(path string, r *rawRounding) entry[string] {
		return entry[string]{c.meta(path, &r.Meta), c.oneOf(path+".mode", r.Mode, roundDown, roundNone)}
	})
	section(rd, c, "tariff", d.Tariff, &p.tariff, func(path string, r *rawTariff) entry[tariff] {
		c.id(path, r.ID)
		return entry[tariff]{c.meta(path, &r.Meta), tariff{
			surroundings: each(c, path+".surroundings", r.Surroundings, surround),
			base:         c.plausible(path+".base_cents", r.Base, bandTariff),
			baseKMH:      c.plausible(path+".base_kmh", r.BaseKMH, bandBaseKmh),
			per:          c.plausible(path+".per_kmh_cents", r.Per, bandPerKmh),
		}}
	})
	section(rd, c, "routing", d.Routing, &p.routing, c.routing)
	section(rd, c, "class_limits", d.ClassLimits, &p.class, c.classLimit)
	section(rd, c, "implausible_speed", d.Implausible, &p.implausible, c.implausible)
	section(rd, c, "one_offence", d.OneOffence, &p.oneOffence, func(path string, r *rawOneOffence) entry[schemas.Micros] {
		within := schemas.Micros(c.plausible(path+".within_seconds", r.Within, bandOneSecond)) * schemas.Second
		return entry[schemas.Micros]{c.meta(path, &r.Meta), within}
	})
}

func (c *checker) correction(path string, r *rawCorrection) entry[correction] {
	return entry[correction]{c.meta(path, &r.Meta), correction{
		boundary: schemas.Speed(c.plausible(path+".boundary_kmh", r.Boundary, bandBoundary) * 10),
		below:    schemas.Speed(c.plausible(path+".below_kmh", r.Below, bandBelow) * 10),
		percent:  c.plausible(path+".above_percent", r.Percent, bandPercent),
	}}
}

func (c *checker) routing(path string, r *rawRouting) entry[routing] {
	c.id(path, r.ID)
	e := entry[routing]{c.meta(path, &r.Meta), routing{
		abroad:       c.oneOf(path+".plates", r.Plates, "belgium", "abroad") == "abroad",
		surroundings: each(c, path+".surroundings", r.Surroundings, surround),
		maxTotal:     c.plausible(path+".max_total_cents", r.MaxTotal, bandTotal),
		maxExcess:    -1,
	}}
	if r.MaxExcess != "" {
		e.v.maxExcess = c.plausible(path+".max_excess_kmh", r.MaxExcess, bandExcess)
	}
	return e
}

func (c *checker) id(path, id string) {
	if id == "" {
		c.errorf(path+".id", "give the value a name of its own", "missing")
	}
}

func (rd *reader) chainSpeed(c *checker) {
	p, s := &rd.parts.speed, &rd.cat.speed
	s.correction = chain(c, "correction", p.correction)
	s.rounding = chain(c, "rounding", p.rounding)
	s.chainClass(c, p)
	s.oneOffence = chain(c, "one_offence", p.oneOffence)
	s.tariff, s.routing = map[string]series[tariff]{}, map[routingKey]series[routing]{}
	for _, where := range surroundings {
		s.tariff[where] = chain(c, "tariff "+where, pick(p.tariff, func(t *tariff) bool {
			return slices.Contains(t.surroundings, where)
		}))
		for _, abroad := range []bool{false, true} {
			s.routing[routingKey{abroad, where}] = chain(c, "routing "+where, pick(p.routing, func(r *routing) bool {
				return r.abroad == abroad && slices.Contains(r.surroundings, where)
			}))
		}
	}
}

// pick returns the entries whose value is wanted.
func pick[T any](all []entry[T], want func(*T) bool) []entry[T] {
	var out []entry[T]
	for i := range all {
		if want(&all[i].v) {
			out = append(out, all[i])
		}
	}
	return out
}
