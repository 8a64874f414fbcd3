package schemas

import "slices"

// ZoneKind says by which sign vehicles are kept out of a zone.
type ZoneKind uint8

// The kinds of access zones.
const (
	ZonePedestrian ZoneKind = iota // pedestrian zone, F103 to F105
	ZoneRestricted                 // C3: no access, in both directions, for any driver
	ZoneSchool                     // C3 with the plate of a school street, at the hours of a school
	ZoneGoods                      // C23: no access for goods vehicles
	zoneKindEnd
)

var zoneKindNames = [...]string{"pedestrian", "restricted", "school", "no_goods"}

// String returns the kind's name.
func (k ZoneKind) String() string { return nameOf(zoneKindNames[:], int(k)) }

// ParseZoneKind finds a kind by name.
func ParseZoneKind(s string) (ZoneKind, bool) { return parseName[ZoneKind](zoneKindNames[:], s) }

// ZoneKindNames lists the kinds' names.
func ZoneKindNames() []string { return slices.Clone(zoneKindNames[:]) }

// AccessZone is an area that some vehicles may not enter, for a time. Immutable once loaded and shared by the cameras
// that see vehicles enter it. An id may stand for several zones that follow each other in time.
type AccessZone struct {
	ID           string
	Kind         ZoneKind
	Name         Street
	Slots        []Hours   // when the zone is barred; none = at every hour
	Calendar     *Calendar // the slots hold on its school days alone; nil = on every day
	AboveKG      uint32    // goods: maximum mass, in kg, above which a vehicle is barred; 0 = every goods vehicle
	LocalTraffic bool      // a plate below the sign admits local traffic, which no camera recognises
	ValidFrom    Micros
	ValidTo      Micros // exclusive; 0 = open
	LegalBasis   string // in every language, as package rules cites it
	Verified     bool
}

// BarredAt reports whether the zone's hours bar it at the instant; known is false on a day of which the calendar says
// nothing.
func (z *AccessZone) BarredAt(at Micros) (barred, known bool) {
	if at < z.ValidFrom || z.ValidTo != 0 && at >= z.ValidTo {
		return false, true
	}
	covers := len(z.Slots) == 0
	for i := 0; i < len(z.Slots) && !covers; i++ {
		covers = z.Slots[i].Cover(at)
	}
	if !covers || z.Calendar == nil {
		return covers, true
	}
	return z.Calendar.SchoolDay(at.Day())
}

// ZoneEntry is a place where a camera sees vehicles enter an access zone.
type ZoneEntry struct {
	Zone      *AccessZone
	Lanes     []uint8   // none = every lane
	Direction Direction // DirectionUnknown = every direction
}

// Covers reports whether a read in the lane and direction enters the zone; maybe is true when the read says too little
// to tell.
func (e *ZoneEntry) Covers(lane uint8, d Direction) (yes, maybe bool) {
	laneFits := len(e.Lanes) == 0 || slices.Contains(e.Lanes, lane)
	vagueLane := !laneFits && lane == 0
	directionFits := e.Direction == DirectionUnknown || e.Direction == d
	vagueDirection := !directionFits && d == DirectionUnknown
	yes = laneFits && directionFits
	return yes, !yes && (laneFits || vagueLane) && (directionFits || vagueDirection)
}

// DayRange is a range of days, [From, To).
type DayRange struct{ From, To Day }

// Calendar says which days are school days. Flemish and French-speaking schools have holidays of their own.
type Calendar struct {
	ID       string
	From, To Day // nothing is known before From, and from To on
	Off      []DayRange
}

// SchoolDay reports whether the day is a school day. known is false outside the days that the calendar covers.
func (c *Calendar) SchoolDay(d Day) (yes, known bool) {
	if d < c.From || d >= c.To {
		return false, false
	}
	for _, off := range c.Off {
		if d >= off.From && d < off.To {
			return false, true
		}
	}
	return true, true
}

// Permit lets a vehicle into an access zone. Hours beyond From and To count on a Brussels clock.
type Permit struct {
	Country   Country
	Zone      string // id of the access zone
	Hours     Hours  // the zero value is always
	ValidFrom Day
	ValidTo   Day    // exclusive; 0 = open
	Reason    string // why it was given, such as resident
	Version   string // of the list that it stands on; "" = not said
}

// CoversAt reports whether the permit holds at the instant.
func (p *Permit) CoversAt(at Micros) bool {
	day := at.Day()
	return day >= p.ValidFrom && (p.ValidTo == 0 || day < p.ValidTo) && p.Hours.Cover(at)
}

// Suspension stops rules for a time at some cameras: a car-free Sunday, an event, a diversion after an accident.
// Immutable once loaded.
type Suspension struct {
	ID       string
	Author   string   // who ordered it
	Reason   string   // in every language, as package rules cites a legal basis
	Families []Family // families that it stops; none = all
	From     Micros
	To       Micros // exclusive
}

// SuspendedAt returns the suspension of a family at the camera and instant, the first in the order of the reference
// data; nil = there is none.
func (c *Camera) SuspendedAt(f Family, at Micros) *Suspension {
	for _, s := range c.Suspensions {
		if at >= s.From && at < s.To && (len(s.Families) == 0 || slices.Contains(s.Families, f)) {
			return s
		}
	}
	return nil
}

// LaneSign is the sign of a reserved lane.
type LaneSign uint8

// The signs.
const (
	SignF17 LaneSign = iota // bus lane on the roadway, with a broken line where others may cross it
	SignF18                 // track apart that is reserved for public transport
)

var laneSignNames = [...]string{"F17", "F18"}

// String returns the sign's name.
func (s LaneSign) String() string { return nameOf(laneSignNames[:], int(s)) }

// ParseLaneSign finds a sign by name.
func ParseLaneSign(s string) (LaneSign, bool) { return parseName[LaneSign](laneSignNames[:], s) }

// LaneUse says for whom a lane is reserved.
type LaneUse uint8

// The uses.
const (
	LaneBus     LaneUse = iota // buses in public service
	LaneBusTaxi                // and taxis
)

var laneUseNames = [...]string{"bus", "bus_taxi"}

// String returns the use's name.
func (u LaneUse) String() string { return nameOf(laneUseNames[:], int(u)) }

// ParseLaneUse finds a use by name.
func ParseLaneUse(s string) (LaneUse, bool) { return parseName[LaneUse](laneUseNames[:], s) }

// ReservedLane reserves a lane for a time.
type ReservedLane struct {
	Sign        LaneSign
	Use         LaneUse
	TurnAllowed bool  // drivers who turn at the next junction may enter it here: F17 alone
	Hours       Hours // the zero value is always
	ValidFrom   Micros
	ValidTo     Micros // exclusive; 0 = open
	LegalBasis  string // in every language, as package rules cites it
	Verified    bool
}

// HoldsAt reports whether the lane is reserved at the instant.
func (r *ReservedLane) HoldsAt(at Micros) bool {
	return at >= r.ValidFrom && (r.ValidTo == 0 || at < r.ValidTo) && r.Hours.Cover(at)
}
