package schemas

// Fuel as registered (certificate field P.3).
type Fuel uint8

// The fuels.
const (
	FuelUnknown Fuel = iota
	Diesel
	Petrol
	LPG
	CNG
	Electric
	Hydrogen
	fuelEnd
)

var fuelNames = [...]string{"unknown", "diesel", "petrol", "lpg", "cng", "electric", "hydrogen"}

// String returns the fuel's name.
func (f Fuel) String() string { return nameOf(fuelNames[:], int(f)) }

// ParseFuel finds a fuel by name.
func ParseFuel(s string) (Fuel, bool) { return parseName[Fuel](fuelNames[:], s) }

// Euro is an emission norm (certificate field V.9). Norms are ordered: higher is cleaner.
type Euro uint8

// The norms. EuroUnknown: not in the register. EuroNone: older than every norm (counts as 0).
const (
	EuroUnknown Euro = iota
	EuroNone
	Euro1
	Euro2
	Euro3
	Euro4
	Euro5
	Euro6
	Euro6dTemp
	Euro6d
	euroEnd
)

var euroNames = [...]string{"unknown", "0", "1", "2", "3", "4", "5", "6", "6d-temp", "6d"}

// String returns the norm without the word Euro. Example: 6d-temp
func (e Euro) String() string { return nameOf(euroNames[:], int(e)) }

// ParseEuro finds a norm by the name String gives.
func ParseEuro(s string) (Euro, bool) { return parseName[Euro](euroNames[:], s) }

// Category is the EU vehicle category (certificate field J).
type Category uint8

// The categories.
const (
	CategoryUnknown Category = iota
	M1
	M2
	M3
	N1
	N2
	N3
	L1
	L2
	L3
	L4
	L5
	L6
	L7
	O
	T
	categoryEnd
)

var categoryNames = [...]string{"unknown", "M1", "M2", "M3", "N1", "N2", "N3", "L1", "L2", "L3", "L4", "L5", "L6", "L7", "O", "T"}

// String returns the category's name.
func (c Category) String() string { return nameOf(categoryNames[:], int(c)) }

// ParseCategory finds a category by name.
func ParseCategory(s string) (Category, bool) { return parseName[Category](categoryNames[:], s) }

// N1Class splits category N1 by reference mass (Regulation (EC) 715/2007), because the zone's norms differ by class.
type N1Class uint8

// The classes.
const (
	N1ClassUnknown N1Class = iota // not in the register, or not of category N1
	N1Class1
	N1Class2
	N1Class3
	n1ClassEnd
)

var n1ClassNames = [...]string{"unknown", "1", "2", "3"}

// String returns the class's number in Arabic digits, or unknown.
func (c N1Class) String() string { return nameOf(n1ClassNames[:], int(c)) }

// ParseN1Class finds a class by String's name or by Roman number.
func ParseN1Class(s string) (N1Class, bool) {
	switch s {
	case "I":
		return N1Class1, true
	case "II":
		return N1Class2, true
	case "III":
		return N1Class3, true
	default:
		return parseName[N1Class](n1ClassNames[:], s)
	}
}

// Body is the bodywork code on the registration certificate, as far as rules need it.
type Body uint8

// The bodies.
const (
	BodyUnknown   Body = iota // not in the register
	BodyTractor               // BC: a tractor unit for semi-trailers
	BodyMotorhome             // SA: a motor caravan
	BodyOther                 // any other code
	bodyEnd
)

var bodyNames = [...]string{"unknown", "BC", "SA", "other"}

// String returns the code, unknown or other.
func (b Body) String() string { return nameOf(bodyNames[:], int(b)) }

// ParseBody finds a body by the name String gives.
func ParseBody(s string) (Body, bool) { return parseName[Body](bodyNames[:], s) }

// MaxReferenceMass replaces every larger reference mass: no rule needs more.
const MaxReferenceMass = 4095

// Vehicle is a register entry (DIV, RDW): the vehicle under a plate at a time. A Belgian plate follows the person, not
// the car, so a plate has several entries, one after another.
type Vehicle struct {
	Country           Country
	Category          Category
	Fuel              Fuel
	Euro              Euro
	Oldtimer          bool
	Class             N1Class // category N1 only
	Body              Body
	ReferenceMass     uint16 // kg: mass in running order less 75 plus 100; 0 = not in the register, at most MaxReferenceMass
	FirstRegistration Day    // 0 = not in the register
	ValidFrom         Day    // first day with this plate
	ValidTo           Day    // first day without the plate; 0 = still valid
}

// Standing holds the dates of a vehicle's papers, as the copy of the registers says. A day that is 0 is not said, and proves
// nothing.
type Standing struct {
	Country         Country
	InsuredUntil    Day // last insured day
	InspectedUntil  Day // last day of the certificate of the periodic inspection
	RegisteredUntil Day // last day of the plate's registration
	CancelledFrom   Day // first day on which the plate is cancelled: lost, stolen or struck off
}

// RegisterState says how far a look-up in a register may be trusted.
type RegisterState uint8

// The states. Every state but RegisterFound holds an offence.
const (
	RegisterUnknown RegisterState = iota // no such plate in the register at that time
	RegisterFound
	RegisterStale // the register's copy is older than the catalogue allows at the capture time
)

// Exemption frees a vehicle (plate and country) from a rule family for a time.
type Exemption struct {
	Country   Country // of the plate
	Family    string  // of rules
	Kind      string  // oldtimer, priority, disabled_card, ... : a key of the catalogue
	Ref       string  // decision number
	ValidFrom Day
	ValidTo   Day // exclusive; 0 = permanent
}

// DayPass admits a vehicle (plate and country) to the zone for a day. The catalogue says when the day ends, and
// whether a pass counts before its issue.
type DayPass struct {
	Country Country // of the plate
	Day     Day
	Issued  Micros // 0 = not known
}

// Registration is a foreign vehicle's LEZ registration (mytax): free, valid five years. Unknown statements are zero. A
// registration alone admits no vehicle.
type Registration struct {
	Country   Country // of the plate
	ValidFrom Day
	ValidTo   Day // exclusive; 0 = open
	Category  Category
	Class     N1Class
	Fuel      Fuel
	Euro      Euro
}

// ListEntry is a plate on a hotlist.
type ListEntry struct {
	List       string
	ID         string // unique per list
	Plate      Plate
	Country    Country // zero = any
	Reason     string
	CaseRef    string
	Priority   uint8 // 0..100, 100 first
	ValidFrom  Micros
	ValidTo    Micros   // exclusive; 0 = open
	Audience   []string // informed police zones; empty = all
	Confusable bool     // also match the plate's confusion class, labelled so
}
