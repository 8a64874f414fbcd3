package rules

import (
	"slices"

	"github.com/gvc-brussels/anpr/schemas"
)

// classLimit is a limit that belongs to the vehicle and not to the lane. Speeds in tenths of km/h.
type classLimit struct {
	categories   categorySet
	surroundings []string
	limit        schemas.Speed
	unsure       schemas.Speed // above it and up to limit it depends on what the register does not say; 0 = nothing does
	kinds        [8]bool       // of the camera: of a vehicle whose category is not known
}

// lowest is the speed up to which nothing can be said against a vehicle of the class.
func (l *classLimit) lowest() schemas.Speed {
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
	Meta         rawMeta  `yaml:",inline"`
	ID           string   `yaml:"id"`
	Categories   []string `yaml:"categories"`
	Surroundings []string `yaml:"surroundings"`
	KMH          string   `yaml:"kmh"`
	Unsure       string   `yaml:"unsure_above_kmh"`
	Kinds        []string `yaml:"kinds"`
}

// implausible is a speed that vehicles of the categories do not reach.
type implausible struct {
	categories categorySet
	above      schemas.Speed
}

type rawImplausible struct {
	Meta       rawMeta  `yaml:",inline"`
	ID         string   `yaml:"id"`
	Categories []string `yaml:"categories"`
	Above      string   `yaml:"above_kmh"`
}

func (c *checker) classLimit(path string, r *rawClassLimit) entry[classLimit] {
	c.id(path, r.ID)
	e := entry[classLimit]{c.meta(path, &r.Meta), classLimit{
		categories:   c.categories(path+".categories", r.Categories),
		surroundings: each(c, path+".surroundings", r.Surroundings, surround),
		limit:        schemas.Speed(10 * c.whole(path+".kmh", r.KMH, 1, 400)),
	}}
	if r.Unsure != "" {
		e.v.unsure = schemas.Speed(10 * c.whole(path+".unsure_above_kmh", r.Unsure, 1, 400))
	}
	if len(r.Kinds) > 0 {
		for _, k := range each(c, path+".kinds", r.Kinds, schemas.ParseVehicleKind) {
			e.v.kinds[k] = true
		}
	}
	return e
}

func (c *checker) implausible(path string, r *rawImplausible) entry[implausible] {
	c.id(path, r.ID)
	return entry[implausible]{c.meta(path, &r.Meta), implausible{
		categories: c.categories(path+".categories", r.Categories),
		above:      schemas.Speed(10 * c.whole(path+".above_kmh", r.Above, 1, 400)),
	}}
}

func (s *speedRules) chainClass(c *checker, p *speedParts) {
	s.class, s.kinds, s.lowest = map[classKey]series[classLimit]{}, map[kindKey]series[classLimit]{}, map[string]schemas.Speed{}
	s.implausible = map[schemas.Category]series[implausible]{}
	for category := range schemas.Category(len(categorySet{})) {
		name := category.String()
		if all := pick(p.implausible, func(x *implausible) bool { return x.categories.has(category) }); len(all) > 0 {
			s.implausible[category] = chain(c, "implausible_speed "+name, all)
		}
		for _, where := range surroundings {
			if all := pick(p.class, func(x *classLimit) bool {
				return x.categories.has(category) && slices.Contains(x.surroundings, where)
			}); len(all) > 0 {
				s.class[classKey{category, where}] = chain(c, "class_limits "+name+" "+where, all)
			}
		}
	}
	for kind := range schemas.VehicleKind(len(classLimit{}.kinds)) {
		for _, where := range surroundings {
			if all := pick(p.class, func(x *classLimit) bool { return x.kinds[kind] && slices.Contains(x.surroundings, where) }); len(all) > 0 {
				s.kinds[kindKey{kind, where}] = chain(c, "class_limits "+kind.String()+" "+where, all)
			}
		}
	}
	for i := range p.class {
		for _, where := range p.class[i].v.surroundings {
			if l, ok := s.lowest[where]; !ok || p.class[i].v.lowest() < l {
				s.lowest[where] = p.class[i].v.lowest()
			}
		}
	}
}

// classAt returns the limit of the vehicle's class in surroundings at a time, nil when it has none. With an unknown category it is that of the
// kind the camera saw, and guessed.
func (s *speedRules) classAt(category schemas.Category, kind schemas.VehicleKind, where string, at schemas.Micros) (e *entry[classLimit], guessed bool) {
	if category == schemas.CategoryUnknown {
		return s.kinds[kindKey{kind, where}].at(at), true
	}
	return s.class[classKey{category, where}].at(at), false
}
