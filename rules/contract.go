package rules

import "github.com/gvc-brussels/anpr/schemas"

// Reference is an immutable version of the reference data. Methods are safe for concurrent use, do not block and
// allocate nothing but the entries from Entries. pipeline/reference implements it.
type Reference interface {
	// Version names the content. Example: 3f9c2a10d4b7
	Version() string
	// Vehicle returns what a register says the plate was on at that time. country zero asks the registers of all
	// countries and answers only when exactly one has the plate.
	Vehicle(p schemas.Plate, country schemas.Country, at schemas.Micros) (v schemas.Vehicle, ok bool)
	// RegisterAsOf returns the time up to which the copy of a country's register is complete; ok is false without a
	// copy.
	RegisterAsOf(country schemas.Country) (asOf schemas.Micros, ok bool)
	// Exemption returns the vehicle's exemption from the family on the day. A plate without a country is no vehicle:
	// country zero returns an exemption from any country, as a reason to hold. Nobody goes free by it.
	Exemption(p schemas.Plate, country schemas.Country, family schemas.Family, day schemas.Day) (e schemas.Exemption, ok bool)
	// DayPass returns the LEZ day pass for the vehicle and the day; among several, the pass issued first. country zero
	// finds none.
	DayPass(p schemas.Plate, country schemas.Country, day schemas.Day) (e schemas.DayPass, ok bool)
	// DayPasses counts the vehicle's days with a pass in [from, to).
	DayPasses(p schemas.Plate, country schemas.Country, from, to schemas.Day) int
	// Registration returns the plate's foreign LEZ registration on the day. country zero answers only when exactly one
	// country registered the plate.
	Registration(p schemas.Plate, country schemas.Country, day schemas.Day) (r schemas.Registration, ok bool)
	// Permit returns the vehicle's permit for the access zone at the instant. country zero returns a permit from any
	// country, as a reason to hold. Nobody goes free by it.
	Permit(p schemas.Plate, country schemas.Country, zone string, at schemas.Micros) (e schemas.Permit, ok bool)
	// Standing returns the dates of the vehicle's papers; ok is false when the copy says nothing of it. country zero finds
	// none: a plate without a country is no vehicle.
	Standing(p schemas.Plate, country schemas.Country) (s schemas.Standing, ok bool)
	// CopyAsOf returns the time up to which a copy other than a register is complete; ok is false when nobody said.
	CopyAsOf(c Copy) (asOf schemas.Micros, ok bool)
	// Entries appends the class's list entries valid at the time, in a fixed order.
	Entries(dst []*schemas.ListEntry, class schemas.Class, at schemas.Micros) []*schemas.ListEntry
}

// Subject is a closed passage as the rules see it.
type Subject struct {
	Passage *schemas.Passage
	Camera  *schemas.Camera // camera of Passage.Best
	// MeasuredBy is the camera behind Passage.Measured, nil without a measured speed or when the camera left the
	// registry.
	MeasuredBy *schemas.Camera
	// StatedBy holds the cameras behind Passage.Measurements, in that order; nil for a camera that left the registry.
	StatedBy []*schemas.Camera
	// Straggler says that Passage is a single late read, after the real passage was decided. Every family judges it,
	// because it may open a period: a LEZ day, or a first measurement. A LEZ straggler makes a decision only when it
	// opens a case, because the passage itself was judged.
	Straggler bool
	// Prior holds the standing offences; nil means none.
	Prior *PriorOffences
	// History holds the passages closed earlier; nil means none. A straggler has none, because its passage was compared
	// when it closed.
	History History
	// Settled holds the reasons to hold whose doubt a named person has settled. Passages of the stream have none.
	Settled []string
}

// History is the memory of closed passages, for families that compare passages. A family asks by capture time in both
// directions: the other passage may have been captured later and closed earlier. So a pair is decided once, when the
// later of its passages closes.
type History interface {
	// Passages appends the class's passages captured in [from, to), ordered by capture time and id.
	Passages(dst []schemas.PastPassage, class schemas.Class, from, to schemas.Micros) []schemas.PastPassage
}

// noSighting stands where a family finds no sighting to decide on.
var noSighting schemas.Sighting

// decidedOn returns the sighting that the family decides on with its camera, nil when the camera left the registry or
// when there is no such sighting.
func (s *Subject) decidedOn(info *Info) (*schemas.Sighting, *schemas.Camera) {
	switch info.DecidedOn {
	case MeasuredSighting:
		return &s.Passage.Measured, s.MeasuredBy
	case StatedSighting:
		if at := s.findMeasurement(info); at >= 0 {
			return &s.Passage.Measurements[at].On, s.cameraOf(at)
		}
		return &noSighting, nil
	case BestSighting:
	}
	return &s.Passage.Best, s.Camera
}

// findMeasurement returns the place of the measurement that the family decides on, or -1.
func (s *Subject) findMeasurement(info *Info) int {
	if len(s.Passage.Measurements) > 0 {
		for _, name := range info.Stated {
			if at := s.Passage.Measurement(name); at >= 0 {
				return at
			}
		}
	}
	return -1
}

// cameraOf returns the camera of a measurement, nil when it left the registry.
func (s *Subject) cameraOf(measurement int) *schemas.Camera {
	if measurement < len(s.StatedBy) {
		return s.StatedBy[measurement]
	}
	return nil
}
