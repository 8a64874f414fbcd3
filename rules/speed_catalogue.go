package rules

import (
	"slices"

	"github.com/gvc-brussels/anpr/schemas"
)

// Bands for the speed values, by kind.
var (
	bandBoundary  = band{50, 150, "km/h"}
	bandBelow     = band{1, 15, "km/h"}
	bandPercent   = band{1, 15, "percent"}
	bandTariff    = band{2000, 20_000, "cents: EUR 53 is written 5300"}
	bandPerKmh    = band{200, 5000, "cents: EUR 11 is written 1100"}
	bandBaseKmh   = band{5, 30, "km/h"}
	bandTotal     = band{20_000, 200_000, "cents: EUR 347 is written 34700"}
	bandExcess    = band{10, 100, "km/h"}
	bandOneSecond = band{10, 300, "seconds"}
)

// speedRules is the speed part of the catalogue.
type speedRules struct {
	correction datedSeries[correction]
	rounding   datedSeries[string]
	tariff     map[string]datedSeries[tariff]      // by surroundings
	routing    map[routingKey]datedSeries[routing] // by plates and surroundings
	general    *general
	oneOffence datedSeries[schemas.Micros]        // nearer measurements of a plate at a site are one offence
	recidivism map[string]datedSeries[recidivism] // by surroundings
	together   datedSeries[schemas.Micros]        // offences of a vehicle nearer in time are judged together

	class       map[classKey]datedSeries[classLimit]
	kinds       map[kindKey]datedSeries[classLimit]
	lowest      map[string]schemas.Speed // lowest class limit by surroundings
	implausible map[schemas.Category]datedSeries[implausible]
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

// routing bounds immediate collection. maxExcess below 0 = no bound.
type routing struct {
	abroad              bool
	surroundings        []string
	maxTotal, maxExcess int64
}

type rawCorrection struct {
	Meta     rawProvenance `yaml:",inline"`
	Boundary string        `yaml:"boundary_kmh"`
	Below    string        `yaml:"below_kmh"`
	Percent  string        `yaml:"above_percent"`
}

type rawRounding struct {
	Meta rawProvenance `yaml:",inline"`
	Mode string        `yaml:"mode" words:"rounding"`
}

type rawTariff struct {
	Meta         rawProvenance `yaml:",inline"`
	ID           string        `yaml:"id"`
	Surroundings []string      `yaml:"surroundings" subject:"yes" words:"surround"`
	Base         string        `yaml:"base_cents"`
	BaseKMH      string        `yaml:"base_kmh"`
	Per          string        `yaml:"per_kmh_cents"`
}

type rawRouting struct {
	Meta         rawProvenance `yaml:",inline"`
	ID           string        `yaml:"id"`
	Plates       string        `yaml:"plates" subject:"yes" words:"plates"`
	Surroundings []string      `yaml:"surroundings" subject:"yes" words:"surround"`
	MaxTotal     string        `yaml:"max_total_cents"`
	MaxExcess    string        `yaml:"max_excess_kmh"`
}

type rawOneOffence struct {
	Meta   rawProvenance `yaml:",inline"`
	Within string        `yaml:"within_seconds"`
}

// surroundings are the valid values for schemas.SpeedLimit.Surround.
var surroundings = []string{"built_up", "zone_30", "school", "residential", "motorway", "other"}

func parseSurrounding(s string) (string, bool) { return s, slices.Contains(surroundings, s) }

// Load implements [Family].
func (r *speed) Load(s *Sections) {
	r.general, s.speed = s.general, &r.speedRules
	declareSeries(s, "correction", (*checker).convertCorrection, &r.correction)
	declareSeries(s, "rounding", (*checker).convertRounding, &r.rounding)
	tariffs := declareSection(s, "tariff", (*checker).convertTariff)
	routes := declareSection(s, "routing", (*checker).convertRouting)
	declareSeries(s, "one_offence", func(c *checker, path string, r *rawOneOffence) datedValue[schemas.Micros] {
		within := schemas.Micros(c.parsePlausible(path+".within_seconds", r.Within, bandOneSecond)) * schemas.Second
		return datedValue[schemas.Micros]{c.checkProvenance(path, &r.Meta), within}
	}, &r.oneOffence)
	limits := declareSection(s, "class_limits", (*checker).classLimit)
	impossible := declareSection(s, "implausible_speed", (*checker).convertImplausible)
	s.onLoaded(func(c *checker) {
		r.chainTariffs(c, *tariffs, *routes)
		r.chainClasses(c, *limits, *impossible)
	})
	r.loadFileSections(s)
}

func (c *checker) convertRounding(path string, r *rawRounding) datedValue[string] {
	return datedValue[string]{c.checkProvenance(path, &r.Meta), c.oneOf(path+".mode", r.Mode, roundDown, roundNone)}
}

func (c *checker) convertTariff(path string, r *rawTariff) datedValue[tariff] {
	c.checkID(path, r.ID)
	return datedValue[tariff]{c.checkProvenance(path, &r.Meta), tariff{
		surroundings: parseEach(c, path+".surroundings", r.Surroundings, parseSurrounding),
		base:         c.parsePlausible(path+".base_cents", r.Base, bandTariff),
		baseKMH:      c.parsePlausible(path+".base_kmh", r.BaseKMH, bandBaseKmh),
		per:          c.parsePlausible(path+".per_kmh_cents", r.Per, bandPerKmh),
	}}
}

func (c *checker) convertCorrection(path string, r *rawCorrection) datedValue[correction] {
	return datedValue[correction]{c.checkProvenance(path, &r.Meta), correction{
		boundary: schemas.Speed(c.parsePlausible(path+".boundary_kmh", r.Boundary, bandBoundary) * 10),
		below:    schemas.Speed(c.parsePlausible(path+".below_kmh", r.Below, bandBelow) * 10),
		percent:  c.parsePlausible(path+".above_percent", r.Percent, bandPercent),
	}}
}

func (c *checker) convertRouting(path string, r *rawRouting) datedValue[routing] {
	c.checkID(path, r.ID)
	e := datedValue[routing]{c.checkProvenance(path, &r.Meta), routing{
		abroad:       c.oneOf(path+".plates", r.Plates, "belgium", "abroad") == "abroad",
		surroundings: parseEach(c, path+".surroundings", r.Surroundings, parseSurrounding),
		maxTotal:     c.parsePlausible(path+".max_total_cents", r.MaxTotal, bandTotal),
		maxExcess:    -1,
	}}
	if r.MaxExcess != "" {
		e.v.maxExcess = c.parsePlausible(path+".max_excess_kmh", r.MaxExcess, bandExcess)
	}
	return e
}

func (r *speedRules) chainTariffs(c *checker, tariffs []datedValue[tariff], routes []datedValue[routing]) {
	r.tariff, r.routing = map[string]datedSeries[tariff]{}, map[routingKey]datedSeries[routing]{}
	for _, where := range surroundings {
		r.tariff[where] = chainValues(c, "tariff "+where, selectValues(tariffs, func(t *tariff) bool {
			return slices.Contains(t.surroundings, where)
		}))
		for _, abroad := range []bool{false, true} {
			r.routing[routingKey{abroad, where}] = chainValues(c, "routing "+where, selectValues(routes, func(r *routing) bool {
				return r.abroad == abroad && slices.Contains(r.surroundings, where)
			}))
		}
	}
}

// classLimit is a speed limit for a class of vehicles, in addition to the lane's limit. Speeds in tenths of km/h.
type classLimit struct {
	categories   categorySet
	surroundings []string
	limit        schemas.Speed
	unsure       schemas.Speed // above this speed and up to limit, the register lacks the deciding data; 0 = none
	kinds        [8]bool       // kinds seen by the camera, for a vehicle of unknown category
}

// lowestLimit returns the highest speed that is certainly allowed to the class.
func (l *classLimit) lowestLimit() schemas.Speed {
	if l.unsure != 0 {
		return l.unsure
	}
	return l.limit
}

type classKey struct {
	category schemas.Category
	surround string
}

type kindKey struct {
	kind     schemas.VehicleKind
	surround string
}

type rawClassLimit struct {
	Meta         rawProvenance `yaml:",inline"`
	ID           string        `yaml:"id"`
	Categories   []string      `yaml:"categories" subject:"yes"`
	Surroundings []string      `yaml:"surroundings" subject:"yes" words:"surround"`
	KMH          string        `yaml:"kmh"`
	Unsure       string        `yaml:"unsure_above_kmh"`
	Kinds        []string      `yaml:"kinds" words:"kind"`
}

// implausible is a speed that vehicles in the categories do not reach.
type implausible struct {
	categories categorySet
	above      schemas.Speed
}

type rawImplausible struct {
	Meta       rawProvenance `yaml:",inline"`
	ID         string        `yaml:"id"`
	Categories []string      `yaml:"categories" subject:"yes"`
	Above      string        `yaml:"above_kmh"`
}

func (c *checker) classLimit(path string, r *rawClassLimit) datedValue[classLimit] {
	c.checkID(path, r.ID)
	e := datedValue[classLimit]{c.checkProvenance(path, &r.Meta), classLimit{
		categories:   c.parseCategories(path+".categories", r.Categories),
		surroundings: parseEach(c, path+".surroundings", r.Surroundings, parseSurrounding),
		limit:        schemas.Speed(10 * c.parseWhole(path+".kmh", r.KMH, 1, 400)),
	}}
	if r.Unsure != "" {
		e.v.unsure = schemas.Speed(10 * c.parseWhole(path+".unsure_above_kmh", r.Unsure, 1, 400))
	}
	if len(r.Kinds) > 0 {
		for _, k := range parseEach(c, path+".kinds", r.Kinds, schemas.ParseVehicleKind) {
			e.v.kinds[k] = true
		}
	}
	return e
}

func (c *checker) convertImplausible(path string, r *rawImplausible) datedValue[implausible] {
	c.checkID(path, r.ID)
	return datedValue[implausible]{c.checkProvenance(path, &r.Meta), implausible{
		categories: c.parseCategories(path+".categories", r.Categories),
		above:      schemas.Speed(10 * c.parseWhole(path+".above_kmh", r.Above, 1, 400)),
	}}
}

func (r *speedRules) chainClasses(c *checker, limits []datedValue[classLimit], impossible []datedValue[implausible]) {
	r.class, r.kinds, r.lowest = map[classKey]datedSeries[classLimit]{}, map[kindKey]datedSeries[classLimit]{}, map[string]schemas.Speed{}
	r.implausible = map[schemas.Category]datedSeries[implausible]{}
	for category := range schemas.Category(len(categorySet{})) {
		name := category.String()
		if all := selectValues(impossible, func(x *implausible) bool { return x.categories.has(category) }); len(all) > 0 {
			r.implausible[category] = chainValues(c, "implausible_speed "+name, all)
		}
		for _, where := range surroundings {
			if all := selectValues(limits, func(x *classLimit) bool {
				return x.categories.has(category) && slices.Contains(x.surroundings, where)
			}); len(all) > 0 {
				r.class[classKey{category, where}] = chainValues(c, "class_limits "+name+" "+where, all)
			}
		}
	}
	for kind := range schemas.VehicleKind(len(classLimit{}.kinds)) {
		for _, where := range surroundings {
			if all := selectValues(limits, func(x *classLimit) bool { return x.kinds[kind] && slices.Contains(x.surroundings, where) }); len(all) > 0 {
				r.kinds[kindKey{kind, where}] = chainValues(c, "class_limits "+kind.String()+" "+where, all)
			}
		}
	}
	for i := range limits {
		for _, where := range limits[i].v.surroundings {
			if l, ok := r.lowest[where]; !ok || limits[i].v.lowestLimit() < l {
				r.lowest[where] = limits[i].v.lowestLimit()
			}
		}
	}
}

// classAt returns the limit for the vehicle's class at a time, or nil. For an unknown category, the kind seen by the
// camera decides, and guessed is true.
func (r *speedRules) classAt(category schemas.Category, kind schemas.VehicleKind, where string, at schemas.Micros) (e *datedValue[classLimit], guessed bool) {
	if category == schemas.CategoryUnknown {
		return r.kinds[kindKey{kind, where}].inForceAt(at), true
	}
	return r.class[classKey{category, where}].inForceAt(at), false
}
