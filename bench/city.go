package bench

import (
	"errors"
	"fmt"
	"math/rand/v2"

	"github.com/gvc-brussels/anpr/schemas"
)

// CityConfig sizes a city. Zero fields mean the defaults.
type CityConfig struct {
	Seed        uint64
	Cameras     int            // fixed cameras; default 450
	Temporary   int            // temporary 4G cameras; default 48, in proportion when Cameras is set; -1 = none
	Vehicles    int            // default 200,000
	ListEntries int            // over all four hotlists; default 5,000
	ListedDrive int            // list entries whose plate belongs to a vehicle of the city; default 200
	Signs       bool           // some sites have a light, an access zone, a reserved lane or a sign C23 too
	At          schemas.Micros // any instant of the day the reference data is made for; required
	// Secret goes into the tokens beside the seed. Empty: every reader of this code knows the tokens, acceptable for
	// tests alone.
	Secret string
}

// A city's bounds: indexes into the city are 16 and 32 bits wide.
const (
	maxCameras  = 20_000
	maxVehicles = 20_000_000
)

func (c *CityConfig) setDefaults() error {
	if c.At == 0 {
		return errors.New("city: At is not set: name the day the reference data is for")
	}
	if c.Cameras == 0 {
		c.Cameras = 450
	}
	if c.Temporary == 0 {
		c.Temporary = (c.Cameras*48 + 449) / 450
	}
	c.Temporary = max(c.Temporary, 0)
	if c.Vehicles == 0 {
		c.Vehicles = 200_000
	}
	if c.ListEntries == 0 {
		c.ListEntries = 5_000
	}
	if c.ListedDrive == 0 {
		c.ListedDrive = min(200, c.ListEntries, c.Vehicles/10)
	}
	switch {
	case c.Cameras < 4 || c.Cameras+c.Temporary > maxCameras:
		return fmt.Errorf("city: %d fixed and %d temporary cameras: want at least 4 fixed and at most %d in all", c.Cameras, c.Temporary, maxCameras)
	case c.Vehicles < 100 || c.Vehicles > maxVehicles:
		return fmt.Errorf("city: %d vehicles: want 100 to %d", c.Vehicles, maxVehicles)
	case c.ListedDrive < 0 || c.ListedDrive > c.ListEntries || c.ListedDrive > c.Vehicles/2:
		return fmt.Errorf("city: %d listed vehicles: want at most %d entries and half of %d vehicles", c.ListedDrive, c.ListEntries, c.Vehicles)
	}
	return nil
}

// City is one seeded region: immutable, safe for concurrent use.
type City struct {
	cfg     CityConfig
	day     schemas.Day
	sites   []site
	cameras []schemas.Camera
	expired []uint16 // cameras whose registry entry ended before the day
	byID    map[string]uint16

	vehicles []vehicle
	earlier  []earlierVehicle // some plates' former vehicles
	permits  permits

	entries []schemas.ListEntry
	listed  []listedClass // list entries met by a vehicle in the city, by confusion class
	drivers []uint32
}

// NewCity makes the configured city. At 200,000 vehicles this takes about a fifth of a second.
func NewCity(cfg CityConfig) (*City, error) {
	if err := cfg.setDefaults(); err != nil {
		return nil, err
	}
	c := &City{cfg: cfg, day: cfg.At.Day()}
	c.buildStreets(c.subjectRandom("streets"))
	c.buildFleet(c.subjectRandom("fleet"))
	c.buildPermits(c.subjectRandom("papers"))
	if cfg.Signs {
		c.putSigns(c.subjectRandom("signs"))
	}
	c.buildLists(c.subjectRandom("lists"))
	c.markLookalikes()
	c.byID = make(map[string]uint16, len(c.cameras))
	for i := range c.cameras {
		c.byID[c.cameras[i].ID] = uint16(i)
	}
	return c, nil
}

// subjectRandom returns the random stream of a subject; the same subject and seed give the same numbers.
func (c *City) subjectRandom(subject string) *rand.Rand { return newRandom(c.cfg.Seed, subject) }

func newRandom(seed uint64, subject string) *rand.Rand {
	return rand.New(rand.NewPCG(seed, hashOf(subject))) //nolint:gosec // repeatable on purpose
}

// Config returns the configuration with defaults filled in.
func (c *City) Config() CityConfig { return c.cfg }

// Day returns the Brussels day the reference data is made for.
func (c *City) Day() schemas.Day { return c.day }

// Cameras returns the registry as in the reference files. The caller must not change it.
func (c *City) Cameras() []schemas.Camera { return c.cameras }

// SiteOf returns a registered camera's site.
func (c *City) SiteOf(camera string) (string, bool) {
	i, ok := c.byID[camera]
	if !ok {
		return "", false
	}
	return c.cameras[i].Site, true
}

// CityStats counts a city's content.
type CityStats struct {
	Cameras         int            `json:"cameras"`
	ExpiredCameras  int            `json:"expired_cameras"`
	Sites           int            `json:"sites"`
	Vehicles        int            `json:"vehicles"`
	Foreign         int            `json:"foreign"`
	Unregistered    int            `json:"missing_from_register"`
	BelowNorm       int            `json:"below_lez_norm"`
	Oldtimers       int            `json:"oldtimers"`
	Exemptions      int            `json:"exemptions"`
	DayPasses       int            `json:"day_passes"`
	Registrations   int            `json:"foreign_registrations"`
	ListEntries     map[string]int `json:"list_entries"`
	ListedDrive     int            `json:"listed_vehicles"`       // vehicles whose own plate is on a list, expired entries included
	ListedClassmate int            `json:"listed_class_vehicles"` // vehicles in a listed confusion class, listed vehicles included
}

// Stats counts the city.
func (c *City) Stats() CityStats {
	s := CityStats{
		Cameras: len(c.cameras), ExpiredCameras: len(c.expired), Sites: len(c.sites), Vehicles: len(c.vehicles),
		Exemptions: len(c.permits.exemptions), DayPasses: len(c.permits.passes), Registrations: len(c.permits.registrations),
		ListEntries: map[string]int{}, ListedDrive: len(c.drivers),
	}
	for i := range c.entries {
		s.ListEntries[c.entries[i].List]++
	}
	for i := range c.vehicles {
		v := &c.vehicles[i]
		s.Foreign += boolToInt(v.country != 0)
		s.Unregistered += boolToInt(v.flags&inRegister == 0 && v.hasRegister())
		s.BelowNorm += boolToInt(v.hasRegister() && belowNorm(v))
		s.Oldtimers += boolToInt(v.flags&oldtimer != 0)
		s.ListedClassmate += boolToInt(v.listed != 0)
	}
	return s
}

func boolToInt(b bool) int {
	if b {
		return 1
	}
	return 0
}
