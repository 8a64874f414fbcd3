package schemas

import "net/netip"

// CameraPurpose is a set of uses: a bit per rule family, declared by the family. A camera decides only for its
// purposes.
type CameraPurpose uint32

// Has reports whether p has all uses in want.
func (p CameraPurpose) Has(want CameraPurpose) bool { return p&want == want }

// CameraKind is the camera's connection, and bounds how late reads may come.
type CameraKind uint8

// The camera kinds.
const (
	CameraFixed     CameraKind = iota // wired, seconds late
	CameraTemporary                   // 4G, may send hours late
	CameraMobile                      // in a vehicle
)

var cameraKindNames = [...]string{"fixed", "temporary", "mobile"}

// String returns the kind's name.
func (k CameraKind) String() string { return nameOf(cameraKindNames[:], int(k)) }

// ParseCameraKind finds a kind by name.
func ParseCameraKind(s string) (CameraKind, bool) {
	return parseName[CameraKind](cameraKindNames[:], s)
}

// Camera is an entry in the camera registry, immutable once loaded and shared by all goroutines. The hottest fields
// come first.
type Camera struct {
	SiteHash        uint64 // xxhash over Site, equal in every registry version, so stream state survives a reload
	ValidFrom       Micros // inclusive; 0 = always
	ValidTo         Micros // exclusive; 0 = for ever
	AllowedLateness Micros // beyond this a read is marked late
	Number          uint32 // camera number: dense, from 1, constant until the process ends; never stored, sent or hashed
	Municipality    uint32 // NIS code, 21001..21019 in Brussels
	Purposes        CameraPurpose
	Kind            CameraKind
	InsideLEZ       bool
	Lanes           []Lane
	ID              string
	Site            string // cameras at a site see the same vehicle pass once
	Zone            string // operating police zone. Example: 5339
	LatE6, LonE6    int32
	Street          Street // zero = the registry names none
	Certificates    []Certificate
	Sections        []*Section // section controls that have a device here; nil = none
	Loans           []Loan
	TokenSum        Sum     // SHA-256 over the bearer token; zero = none issued
	Access          *Access // other ways to authenticate, and devices behind the address; nil = neither
	AccessZones     []ZoneEntry
	Tunnels         []Tunnel      // categories of the tunnel that it sees vehicles in
	Suspensions     []*Suspension // that concern the camera
	RoadTimes       *RoadTimes    // between all sites; nil = nobody compares passages of the camera with others by time
}

// Street names the street before a camera in both languages of Brussels. The zero Street is none.
type Street struct {
	NL string `json:"nl" doc:"Dutch name"`
	FR string `json:"fr" doc:"French name"`
}

// IsZero reports whether there is no name.
func (s Street) IsZero() bool { return s == Street{} }

// Text returns the name in a language: nl or fr. Every other language gets both names, the French one first.
func (s Street) Text(lang string) string {
	switch {
	case lang == "nl" || s.NL == s.FR:
		return s.NL
	case lang == "fr":
		return s.FR
	}
	return s.FR + " / " + s.NL
}

// Access holds camera settings for the gateway alone, immutable once loaded.
type Access struct {
	AuthHeader string         // HTTP header with the token, for devices without Authorization. Example: X-Auth-Key
	Addresses  []netip.Prefix // addresses where no token is needed
	Subject    string         // client certificate's subject, as the checking proxy reports it. Example: CN=BRU-0001
	SourceIDs  []string       // device names in messages: a channel, a camera number
	Behind     string         // id of the camera whose address and token it uses; "" = its own
	// Sources maps source names in messages to camera ids: the camera itself and cameras behind the same address. nil =
	// everything from the address belongs to the camera.
	Sources map[string]string
}

// Accepts returns the ways to authenticate and the devices behind the camera; the zero Access without such settings.
func (c *Camera) Accepts() Access {
	if c.Access == nil {
		return Access{}
	}
	return *c.Access
}

// ValidAt reports whether the registry entry covers the instant.
func (c *Camera) ValidAt(at Micros) bool {
	return at >= c.ValidFrom && (c.ValidTo == 0 || at < c.ValidTo)
}

// Lane is a lane in view, in one direction. Number 0 means every lane, DirectionUnknown every direction; the first
// matching lane counts.
type Lane struct {
	Number      uint8
	Direction   Direction
	LEZExcluded bool // no LEZ offence may be established here (access to park and ride, R0)
	Limits      []SpeedLimit
	Reserved    []ReservedLane
}

// Lane finds a read's lane, or nil.
func (c *Camera) Lane(number uint8, d Direction) *Lane {
	for i := range c.Lanes {
		l := &c.Lanes[i]
		if (l.Number == 0 || l.Number == number) && (l.Direction == DirectionUnknown || l.Direction == d) {
			return l
		}
	}
	return nil
}

// SpeedLimit is a lane's limit for a time. A limit for some hours goes before a limit for all hours.
type SpeedLimit struct {
	Limit      Speed
	Hours      Hours  // the zero value is always
	Variable   bool   // on a changing sign: no read says what was shown
	Surround   string // built_up, zone_30, school, residential, motorway, other: decides the tariff
	ValidFrom  Micros
	ValidTo    Micros // exclusive; 0 = open
	LegalBasis string
	Verified   bool
}

// CoversAt reports whether the limit holds at the instant.
func (l *SpeedLimit) CoversAt(at Micros) bool {
	return at >= l.ValidFrom && (l.ValidTo == 0 || at < l.ValidTo) && l.Hours.Cover(at)
}

// Weekdays is a set of weekdays, bit 0 Monday to bit 6 Sunday; 0 = every day.
type Weekdays uint8

// Hours are hours of the week on a Brussels clock. A clock change repeats or skips an hour: a repeated hour counts
// twice, a skipped hour does not count.
//
// From (inclusive) and To (exclusive) are minutes of the day. Equal values mean the whole day. To before From means
// past midnight, into the next day. The zero value covers all times.
type Hours struct {
	Days     Weekdays
	From, To uint16
}

// Always reports whether the hours are all there are.
func (h Hours) Always() bool { return h.Days == 0 && h.From == h.To }

// Cover reports whether the instant is in the hours.
func (h Hours) Cover(at Micros) bool {
	if h.Always() {
		return true
	}
	t := at.Local()
	return h.CoverMinute(int(t.Weekday()+6)%7, uint16(60*t.Hour()+t.Minute()))
}

// CoverMinute is Cover by the minute of a day, 0 = Monday.
func (h Hours) CoverMinute(day int, minute uint16) bool {
	on := func(day int) bool { return h.Days == 0 || h.Days&(1<<day) != 0 }
	if h.From < h.To || h.From == h.To {
		return on(day) && (h.From == h.To || minute >= h.From && minute < h.To)
	}
	return minute >= h.From && on(day) || minute < h.To && on((day+6)%7)
}

// Certificate is a device's verification (RD 12/10/2010: before service and every two years). An offence needs a
// certificate at capture time.
type Certificate struct {
	Serial    string
	Approval  string // model-approval number
	ValidFrom Micros
	ValidTo   Micros // exclusive
}

// CertificateAt returns the certificate in force at the instant, or nil.
func (c *Camera) CertificateAt(at Micros) *Certificate { return certificateAt(c.Certificates, at) }

func certificateAt(all []Certificate, at Micros) *Certificate {
	for i := range all {
		if x := &all[i]; at >= x.ValidFrom && at < x.ValidTo {
			return x
		}
	}
	return nil
}

// Loan lends a camera to another police zone for a time.
type Loan struct {
	Zone      string
	ValidFrom Micros
	ValidTo   Micros
}

// ZoneAt returns the police zone with the right to the camera's reads at the instant: the borrower during a loan.
func (c *Camera) ZoneAt(at Micros) string {
	for i := range c.Loans {
		if l := &c.Loans[i]; at >= l.ValidFrom && at < l.ValidTo {
			return l.Zone
		}
	}
	return c.Zone
}
