package rules

import "github.com/gvc-brussels/anpr/schemas"

// Reference is one immutable version of the reference data. Its methods are safe for concurrent use, do not block and
// allocate nothing but the entries that Entries finds. pipeline/reference implements it.
type Reference interface {
	// Version names the content. Example: 3f9c2a10d4b7
	Version() string
	// Vehicle returns what a register says the plate was on at that time. country zero asks the registers of all
	// countries and answers only when exactly one has the plate.
	Vehicle(p schemas.Plate, country schemas.Country, at schemas.Micros) (v schemas.Vehicle, ok bool)
	// RegisterAsOf says up to when the copy of a country's register is complete; ok is false when there is no copy.
	RegisterAsOf(country schemas.Country) (asOf schemas.Micros, ok bool)
	// Exemption returns the exemption of the vehicle from the family on that day. A plate without a country is no vehicle: country
	// zero returns one of any country, which is a reason to hold and frees nobody.
	Exemption(p schemas.Plate, country schemas.Country, family schemas.Family, day schemas.Day) (e schemas.Exemption, ok bool)
	// DayPass returns the LEZ day pass that was bought for the vehicle and that day; of several the one issued first. country
	// zero finds none.
	DayPass(p schemas.Plate, country schemas.Country, day schemas.Day) (e schemas.DayPass, ok bool)
	// DayPasses counts the days in [from, to) for which the vehicle has a pass.
	DayPasses(p schemas.Plate, country schemas.Country, from, to schemas.Day) int
	// Registration returns the foreign LEZ registration of the plate on that day. country zero answers only when it is registered
	// from exactly one country.
	Registration(p schemas.Plate, country schemas.Country, day schemas.Day) (r schemas.Registration, ok bool)
	// Entries appends the list entries of the class that are valid at that time, in a fixed order.
	Entries(dst []*schemas.ListEntry, class schemas.Class, at schemas.Micros) []*schemas.ListEntry
}

// Subject is one closed passage as the rules see it.
type Subject struct {
	Passage *schemas.Passage
	Camera  *schemas.Camera // of Passage.Best
	// MeasuredBy is the camera of Passage.Measured, nil when no speed was measured or the camera left the registry.
	MeasuredBy *schemas.Camera
	// Straggler says that Passage is one read that came after its passage was decided. Every family judges it, for it may open a period: the day
	// of LEZ, a measurement where there was none. Of LEZ only what opens a case is a decision: the passage itself was judged.
	Straggler bool
	// PriorOffences are what stands of offences; nil means nothing.
	Prior *PriorOffences
	// History holds the passages that closed before this one; nil means none. A straggler has none: its passage was
	// compared when it closed.
	History History
}

// History is the memory of closed passages, for families that compare passages. A family asks by capture time in both
// directions: the other passage may have been captured later and closed earlier. So a pair is decided once, when the
// later of its passages closes.
type History interface {
	// Passages appends the passages of the class captured in [from, to), ordered by capture time and id.
	Passages(dst []schemas.PastPassage, class schemas.Class, from, to schemas.Micros) []schemas.PastPassage
}

// decidedOn returns the sighting of that kind and its camera, nil when that left the registry.
func (s *Subject) decidedOn(k SightingKind) (*schemas.Sighting, *schemas.Camera) {
	if k == MeasuredSighting {
		return &s.Passage.Measured, s.MeasuredBy
	}
	return &s.Passage.Best, s.Camera
}
