package rules

import "github.com/gvc-brussels/anpr/schemas"

// Reference is one immutable version of the reference data. Its methods are safe for concurrent use, do not block and
// allocate nothing but the entries that Entries finds. pipeline/refdata implements it.
type Reference interface {
	// Version names the content. Example: 3f9c2a10d4b7
	Version() string
	// Vehicle returns what a register says the plate was on at that time. country zero asks the registers of all
	// countries and answers only when exactly one has the plate.
	Vehicle(p schemas.Plate, country schemas.Country, at schemas.Micros) (v schemas.Vehicle, ok bool)
	// RegisterAsOf says up to when the copy of a country's register is complete; ok is false when there is no copy.
	RegisterAsOf(country schemas.Country) (asOf schemas.Micros, ok bool)
	// Exemption returns the exemption of the plate from the family on that day.
	Exemption(p schemas.Plate, family schemas.Family, day schemas.Day) (e schemas.Exemption, ok bool)
	// DayPass reports whether a LEZ day pass covers the plate on that day.
	DayPass(p schemas.Plate, day schemas.Day) bool
	// Registration returns the foreign LEZ registration of the plate on that day.
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
	// Late says that Passage is one read that came after its passage was decided: its speed is judged, for which the passage may have
	// had no measurement, and nothing else.
	Late bool
	// Standing is what stands of offences; nil means nothing.
	Standing *Standing
}
