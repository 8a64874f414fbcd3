package schemas

import "slices"

// Section is a stretch of road on which the average speed is controlled: a vehicle is read at an entry and at an exit,
// and the certified length over the time between gives a speed. A Section is immutable once loaded and shared by all
// goroutines.
type Section struct {
	ID           string
	Street       Street
	Entries      []SectionEnd // where a passage begins the measurement
	Exits        []SectionEnd // where it ends
	Inside       []SectionEnd // further devices between; their speeds are not fined while the section is active
	LengthM      int64        // shortest certified length of all pairs of lanes, whole metres rounded down
	Lengths      []CertifiedLength
	Limits       []SpeedLimit
	Certificates []Certificate
	ValidFrom    Micros // inclusive
	ValidTo      Micros // exclusive; 0 = open
}

// SectionEnd is a device of a section: a camera, and the lanes and the direction that belong to the section.
type SectionEnd struct {
	Camera    *Camera
	Lanes     []uint8   // nil = every lane
	Direction Direction // DirectionUnknown = every direction
	Clock     Micros    // the device's clock is at most this wrong, one way or the other
}

// Covers reports whether a read of the camera with the number, in the lane and direction, belongs to the end.
func (e *SectionEnd) Covers(camera uint32, lane uint8, d Direction) bool {
	if e.Camera.Number != camera || e.Direction != DirectionUnknown && e.Direction != d {
		return false
	}
	return e.Lanes == nil || slices.Contains(e.Lanes, lane)
}

// CertifiedLength is the length of a section for a pair of ends.
type CertifiedLength struct {
	From, To         string // camera ids
	FromLane, ToLane uint8  // 0 = every lane
	LengthM          int64  // whole metres, rounded down
}

// LengthBetween returns the shortest certified length in metres from an entry to an exit. A pair without a length of
// its own has the section's.
func (s *Section) LengthBetween(from, to *Camera, fromLane, toLane uint8) int64 {
	shortest := int64(0)
	for i := range s.Lengths {
		l := &s.Lengths[i]
		if l.From != from.ID || l.To != to.ID || l.FromLane != 0 && l.FromLane != fromLane || l.ToLane != 0 && l.ToLane != toLane {
			continue
		}
		if shortest == 0 || l.LengthM < shortest {
			shortest = l.LengthM
		}
	}
	if shortest == 0 {
		return s.LengthM
	}
	return shortest
}

// ValidAt reports whether the section is in the registry at the instant.
func (s *Section) ValidAt(at Micros) bool {
	return at >= s.ValidFrom && (s.ValidTo == 0 || at < s.ValidTo)
}

// CertificateAt returns the section's certificate in force at the instant, or nil.
func (s *Section) CertificateAt(at Micros) *Certificate { return certificateAt(s.Certificates, at) }

// ActiveAt reports whether the section measures at the instant: it is valid and certified.
func (s *Section) ActiveAt(at Micros) bool { return s.ValidAt(at) && s.CertificateAt(at) != nil }

// FindEnd returns the end among ends that covers a read, or nil.
func FindEnd(ends []SectionEnd, camera uint32, lane uint8, d Direction) *SectionEnd {
	for i := range ends {
		if ends[i].Covers(camera, lane, d) {
			return &ends[i]
		}
	}
	return nil
}

// SectionOver returns the section whose control is active over the camera's lane at the instant, or nil.
func (c *Camera) SectionOver(lane uint8, d Direction, at Micros) *Section {
	for _, s := range c.Sections {
		for _, ends := range [...][]SectionEnd{s.Entries, s.Exits, s.Inside} {
			if s.ActiveAt(at) && FindEnd(ends, c.Number, lane, d) != nil {
				return s
			}
		}
	}
	return nil
}

// CertificateOf returns the certificate in force at the instant for what measured: the section's for a section control,
// else the camera's own; nil without one.
func (c *Camera) CertificateOf(measures []Measure, at Micros) *Certificate {
	for i := range measures {
		if measures[i].Name != SectionTime {
			continue
		}
		for _, s := range c.Sections {
			if s.ID == measures[i].Device && s.ValidAt(at) {
				return s.CertificateAt(at)
			}
		}
		return nil
	}
	return c.CertificateAt(at)
}
