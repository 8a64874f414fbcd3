package schemas

// Sighting is what a passage keeps of one of its reads. The strings never alias the record.
//
// A camera may tell one vehicle in several messages. What the read itself does not say of Country, Kind, Make, Colour and Image is that of
// the most confident read of the passage that says it; Make and Colour of a measured read are always the passage's.
type Sighting struct {
	Read              ReadID
	Camera            string // id in the registry
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
	Make              string // as the camera sent it; "" = not said
	Colour            string // as the camera sent it; "" = not said
	Image             Sum
}

// Passage is one vehicle passing one site once: the reads of it, its best read, and the read whose speed counts.
// A passage is decided when it closes: no further read came for the passage window of log time.
type Passage struct {
	ID       PassageID
	Class    Class
	SiteHash uint64
	First    Micros // capture time of the first read in log order
	Last     Micros // latest capture time
	Reads    uint32 // stored rows
	Merged   uint32 // suppressed repeats of a parked vehicle
	Variants uint8  // distinct canonical plates among the reads, counted up to 255
	Parked   bool   // a slot of a vehicle that stands still in view, not a passing
	Best     Sighting
	Measured Sighting // of the reads with a speed, the slowest; Read is zero when none was measured
}
