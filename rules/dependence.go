package rules

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gvc-brussels/anpr/schemas"
)

// DependencyKind is a kind of configuration or reference data on which a decision can rest.
type DependencyKind string

// All kinds. Two more are known and no decision records them: see [ParseDependency].
const (
	OnLimit       DependencyKind = "limit"       // limits of a camera's lanes
	OnZone        DependencyKind = "zone"        // an access zone, or the camera that stands in the low emission zone
	OnPermits     DependencyKind = "permits"     // a list of permits: version of the reference data, or the instant up to which the list was complete
	OnCertificate DependencyKind = "certificate" // certificate of a camera or a section, or its serial number
	OnClock       DependencyKind = "clock"       // clock of a camera
	OnSection     DependencyKind = "section"     // length, limits and clocks of a section
	OnCatalogue   DependencyKind = "catalogue"   // version of the catalogue
	OnCamera      DependencyKind = "camera"      // everything of a camera
)

// DependencyKinds lists all kinds.
func DependencyKinds() []DependencyKind {
	return []DependencyKind{OnLimit, OnZone, OnPermits, OnCertificate, OnClock, OnSection, OnCatalogue, OnCamera}
}

// unrecorded says why nobody can tell which decisions rested on a value.
var unrecorded = map[DependencyKind]string{
	"software": "no decision records which version of the program made it: name the catalogue:VERSION of that time, or a camera and a window",
	"sign":     "variable signs have no ids in the reference data, and a limit by a variable sign is always held for a person: name limit:CAMERA",
}

// Dependency is one value on which decisions rest, by kind and name. Example: limit:BRU-1.
type Dependency struct {
	Kind DependencyKind
	Name string
}

// String returns the form that [ParseDependency] reads.
func (v Dependency) String() string { return string(v.Kind) + ":" + v.Name }

// maxValueName bounds a name, in bytes.
const maxValueName = 128

// ParseDependency reads KIND:NAME. The error of a kind that no decision records says so.
func ParseDependency(text string) (Dependency, error) {
	kind, name, _ := strings.Cut(text, ":")
	v := Dependency{DependencyKind(kind), name}
	if why := unrecorded[v.Kind]; why != "" {
		return v, fmt.Errorf("cannot be answered: %s", why)
	}
	switch {
	case !slices.Contains(DependencyKinds(), v.Kind):
		return v, fmt.Errorf("must be KIND:NAME with one of the kinds %v", DependencyKinds())
	case name == "" || len(name) > maxValueName || strings.ContainsFunc(name, func(r rune) bool { return r < ' ' }):
		return v, fmt.Errorf("must name a %s behind the colon, in at most %d bytes", v.Kind, maxValueName)
	}
	return v, nil
}

// FindIn returns the clauses by which a decision rests on the value; ok is false when its trace records nothing of the
// kind. A decision rests on a catalogue as a whole: its clauses are those with a legal basis.
func (v Dependency) FindIn(d *schemas.DecisionBasis) (because []schemas.Step, ok bool) {
	switch v.Kind {
	case OnCatalogue:
		return stepsWhere(d, func(s *schemas.Step) bool { return s.Basis != "" }), d.Catalogue == v.Name
	case OnCamera:
		return stepsWhere(d, v.names), slices.Contains(camerasOf(d), v.Name)
	case OnClock:
		because = stepsWhere(d, isStep(stepClock, stepSectionClock, stepSectionTime))
		return because, len(because) > 0 && slices.Contains(camerasOf(d), v.Name)
	case OnLimit:
		because = stepsWhere(d, isStep(stepSpeedLimit))
		return because, len(because) > 0 && d.Camera == v.Name && firstArg(d, stepSectionPaired) == ""
	case OnZone:
		because = stepsWhere(d, func(s *schemas.Step) bool { return isStep(stepZoneHours, stepLEZCamera)(s) && v.names(s) })
	case OnSection:
		because = stepsWhere(d, func(s *schemas.Step) bool { return isStep(stepSectionPaired)(s) && v.names(s) })
	case OnCertificate:
		because = stepsWhere(d, func(s *schemas.Step) bool {
			own := isStep(stepSpeedCertificate, stepRedLightCertificate)(s) && d.Camera == v.Name
			section := isStep(stepSectionCert)(s) && firstArg(d, stepSectionPaired) == v.Name
			return own || section || isStep(stepSpeedCertificate, stepRedLightCertificate, stepSectionCert)(s) && v.names(s)
		})
	case OnPermits:
		because = stepsWhere(d, isStep(stepZoneNoPermit, stepZonePermits))
		return because, len(because) > 0 && (d.Reference == v.Name || firstArg(d, stepZonePermits) == v.Name)
	}
	return because, len(because) > 0
}

// NamesIn lists the names of the value's kind that a decision records, for the answer to a name that no decision has.
func (v Dependency) NamesIn(d *schemas.DecisionBasis) []string {
	switch v.Kind {
	case OnCatalogue:
		return []string{d.Catalogue}
	case OnPermits:
		if asOf := firstArg(d, stepZonePermits); asOf != "" {
			return []string{d.Reference, asOf}
		}
		return nil
	case OnZone:
		return []string{firstArg(d, stepZoneHours), firstArg(d, stepLEZCamera)}
	case OnSection:
		return []string{firstArg(d, stepSectionPaired)}
	case OnLimit, OnCertificate, OnClock, OnCamera:
		return append(camerasOf(d), firstArg(d, stepSectionPaired))
	}
	return nil
}

// names reports whether the first argument of a clause is the name.
func (v Dependency) names(s *schemas.Step) bool { return len(s.Args) > 0 && s.Args[0] == v.Name }

// camerasOf lists the cameras of a decision: the one decided on, and those at the ends of a section.
func camerasOf(d *schemas.DecisionBasis) []string {
	return []string{d.Camera, firstArg(d, stepSectionEntry), firstArg(d, stepSectionExit)}
}

func isStep(clauses ...Clause) func(*schemas.Step) bool {
	return func(s *schemas.Step) bool {
		return slices.ContainsFunc(clauses, func(c Clause) bool { return c.Key == s.Code })
	}
}

func stepsWhere(d *schemas.DecisionBasis, wanted func(*schemas.Step) bool) (out []schemas.Step) {
	for i := range d.Trace {
		if wanted(&d.Trace[i]) {
			out = append(out, d.Trace[i])
		}
	}
	return out
}

// firstArg returns the first argument of the first clause of a kind; "" = there is none.
func firstArg(d *schemas.DecisionBasis, c Clause) string {
	for i := range d.Trace {
		if s := &d.Trace[i]; s.Code == c.Key && len(s.Args) > 0 {
			return s.Args[0]
		}
	}
	return ""
}
