package schemas

// Sighting is the part of a read that a passage keeps. The strings never alias the record.
//
// A camera may report one vehicle in several messages. If the read lacks Country, Kind, Make, Colour or Image, the
// value comes from the most confident read with the fact. Make and Colour of a measured read are always the passage's.
type Sighting struct {
	Read              ReadID
	Camera            string // camera id in the registry
	CapturedAt        Micros
	ReceivedAt        Micros
	Plate             Plate
	Country           Country
	CountryConfidence PerMille
	Confidence        PerMille
	Lane              uint8
	Direction         Direction
	Kind              VehicleKind
	Speed             Speed
	Flags             Flags
	Make              string // as sent by the camera; "" = missing
	Colour            string // as sent by the camera; "" = missing
	Image             Sum
}

// Passage is one vehicle passing one site once: all reads, the best read, and the read whose speed counts. A passage
// is decided at closing, when no further read arrived during the passage window of log time.
type Passage struct {
	ID       PassageID
	Class    Class
	SiteHash uint64
	First    Micros // capture time of the first read in log order
	Last     Micros // latest capture time
	Reads    uint32 // stored rows
	Merged   uint32 // suppressed repeats of a parked vehicle
	Variants uint8  // distinct canonical plates among the reads, counted up to 255
	Parked   bool   // a slot for a parked vehicle, not a passing
	Best     Sighting
	Measured Sighting // slowest read with a speed; Read is zero without a measurement
	// Measurements holds the reads whose further measures count, ordered by their first name in MeasureSet; hardly any
	// passage has one. Of each measure the smallest value counts, then the earliest capture, then the smallest read id.
	Measurements []Measurement
}
