package reference

import (
	"maps"

	"github.com/gvc-brussels/anpr/rules"
	"github.com/gvc-brussels/anpr/schemas"
)

var (
	_ rules.Reference = (*Snapshot)(nil)
	_ rules.CopyAges  = (*Snapshot)(nil)
)

// Snapshot is an immutable version of the reference data. Its methods are safe for concurrent use, do not block and do
// not allocate, except Stats and the results of Entries. Results behind a pointer are read only.
type Snapshot struct {
	version       string
	files         *inventory
	cameras       *cameraRegistry
	numbers       *numbers // shared by all snapshots in a store; only a load uses it
	registers     []register
	copies        map[rules.Copy]schemas.Micros // ages as stated, see CopyAsOf
	vehicles      *vehicleTable
	lists         *lists
	exemptions    *exemptions
	passes        *passes
	registrations *registrations
	permits       *permits
	permitRows    *int // number of permits as stated; nil = not stated
	standing      *standingTable
}

// Stats counts the records of a snapshot by kind.
type Stats struct {
	Cameras       int
	Registers     int
	Vehicles      int            // periods: a plate counts once for each vehicle it was on
	ListEntries   int            // in all lists
	Lists         map[string]int // entries by list
	Exemptions    int
	DayPasses     int
	Registrations int
	Permits       map[string]int `json:",omitempty"` // by access zone
	Standing      int            `json:",omitempty"` // vehicles of which some paper had ended when the copy was made
}

// Version names the content: the first 12 hexadecimal digits of SHA-256 over the files' names and contents.
// Example: 3f9c2a10d4b7
func (s *Snapshot) Version() string { return s.version }

// Camera finds a camera in the registry. id may alias a buffer: it is not kept.
func (s *Snapshot) Camera(id string) (*schemas.Camera, bool) {
	if len(id) > schemas.MaxCameraID {
		return nil, false
	}
	c := s.cameras.table.slotOf(id).cam
	return c, c != nil
}

// CameraNumbered finds a camera in the registry by its number.
func (s *Snapshot) CameraNumbered(number uint32) (*schemas.Camera, bool) {
	if t := s.cameras.table.byNumber; int(number) < len(t) && t[number] != nil {
		return t[number], true
	}
	return nil, false
}

// CameraName returns the id of the camera with a number, even after the camera has left the registry; "" for 0.
func (s *Snapshot) CameraName(number uint32) string { return s.cameras.names[number] }

// Cameras returns the registry in id order. The slice is shared.
func (s *Snapshot) Cameras() []*schemas.Camera { return s.cameras.all }

// Vehicle returns a plate's vehicle in a register, on the Brussels day of at. country zero asks all countries'
// registers and answers only when exactly one has the plate on the day.
func (s *Snapshot) Vehicle(p schemas.Plate, country schemas.Country, at schemas.Micros) (schemas.Vehicle, bool) {
	return s.vehicles.findVehicle(p, country, at.Day())
}

// RegisterAsOf returns the time up to which the copy of a country's register is complete; ok is false without a copy.
func (s *Snapshot) RegisterAsOf(country schemas.Country) (asOf schemas.Micros, ok bool) {
	for i := range s.registers {
		if r := &s.registers[i]; r.country == country {
			return r.asOf, true
		}
	}
	return 0, false
}

// CopyAsOf returns the time up to which a copy other than a register is complete; ok is false when registers.yaml does
// not state the time. The ages of the registers say nothing about the copy: its delivery may have stopped.
func (s *Snapshot) CopyAsOf(c rules.Copy) (asOf schemas.Micros, ok bool) {
	asOf, ok = s.copies[c]
	return asOf, ok
}

// AsOf returns the time up to which each copy is complete, by name: the registers by their own, the other copies where
// registers.yaml states the time.
func (s *Snapshot) AsOf() map[string]schemas.Micros {
	out := make(map[string]schemas.Micros, len(s.registers)+len(s.copies))
	for i := range s.registers {
		out["register "+s.registers[i].country.String()] = s.registers[i].asOf
	}
	for name, asOf := range s.copies {
		out[string(name)] = asOf
	}
	return out
}

// Exemption returns the vehicle's exemption from the family on the day, the first begun when there are several.
// country zero accepts any country.
func (s *Snapshot) Exemption(p schemas.Plate, country schemas.Country, family schemas.Family, day schemas.Day) (schemas.Exemption, bool) {
	return s.exemptions.findExemption(keyOf(p), country, family, day)
}

// DayPass returns the LEZ day pass bought for the vehicle and the day, the first issued when there are several.
func (s *Snapshot) DayPass(p schemas.Plate, country schemas.Country, day schemas.Day) (schemas.DayPass, bool) {
	return s.passes.findPass(keyOf(p), country, day)
}

// DayPasses counts the days in [from, to) with a pass for the vehicle.
func (s *Snapshot) DayPasses(p schemas.Plate, country schemas.Country, from, to schemas.Day) int {
	return s.passes.countDays(keyOf(p), country, from, to)
}

// Registration returns the plate's foreign LEZ registration on the day, the first begun when there are several.
// country zero answers only when the plate is registered from exactly one country on the day.
func (s *Snapshot) Registration(p schemas.Plate, country schemas.Country, day schemas.Day) (schemas.Registration, bool) {
	return s.registrations.findRegistration(keyOf(p), country, day)
}

// Permit returns the vehicle's permit for the access zone at the instant, the first begun when there are several.
// country zero accepts any country.
func (s *Snapshot) Permit(p schemas.Plate, country schemas.Country, zone string, at schemas.Micros) (schemas.Permit, bool) {
	return s.permits.findPermit(keyOf(p), country, zone, at)
}

// Standing returns the dates of the vehicle's papers. A vehicle whose papers were all in order when the copy was made is
// not found, like one of which the copy says nothing.
func (s *Snapshot) Standing(p schemas.Plate, country schemas.Country) (schemas.Standing, bool) {
	return s.standing.findStanding(keyOf(p), country)
}

// Entries appends the class's list entries valid at a time: highest priority first, then by list and id. The entries
// stay valid as long as they are referenced, also after a reload.
func (s *Snapshot) Entries(dst []*schemas.ListEntry, class schemas.Class, at schemas.Micros) []*schemas.ListEntry {
	return s.lists.findEntries(dst, class, at)
}

// Stats counts the records.
func (s *Snapshot) Stats() Stats {
	return Stats{
		Cameras: len(s.cameras.all), Registers: len(s.registers), Vehicles: s.vehicles.n, ListEntries: len(s.lists.rows),
		Lists: maps.Clone(s.lists.counts), Exemptions: len(s.exemptions.rows), DayPasses: len(s.passes.rows),
		Registrations: len(s.registrations.rows), Permits: maps.Clone(s.permits.counts),
		Standing: len(s.standing.rows),
	}
}

// sourceBytes returns the size of the snapshot's files; 0 for nil.
func (s *Snapshot) sourceBytes() (n int64) {
	if s == nil {
		return 0
	}
	for _, d := range s.files.files {
		n += d.size
	}
	return n
}

// oldestRegister returns the smallest as_of; 0 when there is no register.
func (s *Snapshot) oldestRegister() (oldest schemas.Micros) {
	for i := range s.registers {
		if at := s.registers[i].asOf; oldest == 0 || at < oldest {
			oldest = at
		}
	}
	return oldest
}
