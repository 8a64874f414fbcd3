package schemas

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"

	"github.com/cespare/xxhash/v2"
)

// ID is a deterministic 128-bit identifier. The same input gives the same id on every machine and at every delivery.
type ID [16]byte

// String formats the id as a lower-case UUID (8-4-4-4-12), the form ClickHouse prints.
func (id ID) String() string {
	var b [36]byte
	hex.Encode(b[:8], id[:4])
	hex.Encode(b[9:13], id[4:6])
	hex.Encode(b[14:18], id[6:8])
	hex.Encode(b[19:23], id[8:10])
	hex.Encode(b[24:], id[10:])
	b[8], b[13], b[18], b[23] = '-', '-', '-', '-'
	return string(b[:])
}

// IsZero reports whether the id was never set.
func (id ID) IsZero() bool { return id == ID{} }

// ParseID reads the 36-character form or 32 hexadecimal digits.
func ParseID(s string) (ID, error) {
	var id ID
	var h [32]byte
	n := 0
	for i := range len(s) {
		if s[i] == '-' {
			continue
		}
		if n == len(h) {
			return id, fmt.Errorf("id %.40q has more than 32 hexadecimal digits", s)
		}
		h[n] = s[i]
		n++
	}
	if n != len(h) {
		return id, fmt.Errorf("id %.40q has %d hexadecimal digits, want 32", s, n)
	}
	if _, err := hex.Decode(id[:], h[:]); err != nil {
		return id, fmt.Errorf("id %.40q: %w", s, err)
	}
	return id, nil
}

// Distinct types, so that the compiler keeps the ids apart.
type (
	// ReadID identifies an observation by a camera.
	ReadID struct{ ID }
	// PassageID identifies a vehicle passing a site once.
	PassageID struct{ ID }
	// HitID identifies a list entry met by a passage in one way (exact or confusable).
	HitID struct{ ID }
	// OffenceID identifies a candidate offence: rule, vehicle (plate and country) and the rule's natural period.
	OffenceID struct{ ID }
	// ExclusionKey groups offences to compare: rule, plate class and place (a site, or a whole zone's day). Never
	// stored.
	ExclusionKey struct{ ID }
)

// NewReadID derives the id of a read from all facts that the camera reports: camera, event id, capture time, raw
// plate, country, confidences, lane, direction, speed, kind, make, colour, alternatives, pictures and measures. A read
// without measures has the id from before reads had measures. The event id
// alone never merges two observations, because some vendors give one event id to a vehicle, a track or a whole run.
//
// Values that differ between deliveries (receipt, late flag, clock doubt, format) do not count, so a retransmission
// has the same id as the first delivery. The id is SHA-256 cut to 128 bits, because senders choose the input.
// NewReadID does not allocate for inputs up to about 400 bytes.
func NewReadID(r *Read) ReadID {
	var stack [512]byte
	b := appendField(stack[:0], "read/2")
	b = appendField(b, r.Camera)
	b = appendField(b, r.EventID)
	b = binary.BigEndian.AppendUint64(b, uint64(r.CapturedAt))
	b = appendField(b, r.RawPlate)
	b = append(b, r.Country[:]...)
	b = binary.BigEndian.AppendUint16(b, uint16(r.CountryConfidence))
	b = binary.BigEndian.AppendUint16(b, uint16(r.Confidence))
	b = append(b, r.Lane, byte(r.Direction), byte(r.Kind))
	b = binary.BigEndian.AppendUint32(b, uint32(r.Speed))
	b = appendField(b, r.Make)
	b = appendField(b, r.Colour)
	b = binary.BigEndian.AppendUint32(b, uint32(len(r.Alternatives)))
	for i := range r.Alternatives {
		b = appendField(b, r.Alternatives[i].Plate)
		b = binary.BigEndian.AppendUint16(b, uint16(r.Alternatives[i].Confidence))
	}
	b = append(b, r.Image[:]...)
	for i := range r.MoreImages {
		b = append(b, r.MoreImages[i][:]...)
	}
	if len(r.Measures) > 0 {
		b = appendField(b, "measures")
	}
	for i := range r.Measures {
		m := &r.Measures[i]
		b = binary.BigEndian.AppendUint64(appendField(b, string(m.Name)), uint64(m.Value))
		b = appendField(binary.BigEndian.AppendUint64(b, uint64(m.Uncertainty)), m.Device)
	}
	return ReadID{cutToID(b)}
}

// PassageIDOf derives a passage id from the opening read's id.
func PassageIDOf(first ReadID) PassageID { return PassageID{deriveID('p', first.ID)} }

// NewHitID derives a hit's id.
func NewHitID(list, entry string, p PassageID, m Match) HitID {
	var stack [256]byte
	b := appendField(stack[:0], "hit/1")
	b = appendField(b, list)
	b = appendField(b, entry)
	b = append(b, p.ID[:]...)
	return HitID{cutToID(append(b, byte(m)))}
}

// NewOffenceID derives the id of a candidate offence from rule, plate as read, country (zero = unread) and the rule's
// natural period. For LEZ the period is the Brussels day, for speed the measured read. Offences stored before
// 2026-11-28 have ids from the confusion class ("offence/1"), so two vehicles in one class shared an id.
func NewOffenceID(rule RuleID, p Plate, c Country, period []byte) OffenceID {
	var stack [256]byte
	b := appendField(stack[:0], "offence/2")
	b = appendField(b, string(rule))
	b = p.AppendTo(append(b, byte(p.Len())))
	b = append(b, c[:]...)
	return OffenceID{cutToID(append(b, period...))}
}

// NewExclusionKey derives an offence's exclusion key. where is the site, or the day for a rule with the day as period.
func NewExclusionKey(rule RuleID, class Class, where string) ExclusionKey {
	var stack [256]byte
	b := appendField(stack[:0], "spot/1")
	b = appendField(b, string(rule))
	b = class.AppendTo(append(b, byte(class.Len())))
	return ExclusionKey{cutToID(appendField(b, where))}
}

func cutToID(b []byte) ID {
	sum := sha256.Sum256(b)
	return ID(sum[:16])
}

func appendField(dst []byte, s string) []byte {
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(s)))
	return append(dst, s...)
}

// deriveID makes an id from an id. The input is already uniform, and no sender chooses the input, so a fast hash is
// enough.
func deriveID(tag byte, from ID) ID {
	var b [18]byte
	b[0] = tag
	copy(b[2:], from[:])
	var out ID
	binary.BigEndian.PutUint64(out[:8], xxhash.Sum64(b[:]))
	b[1] = 1
	binary.BigEndian.PutUint64(out[8:], xxhash.Sum64(b[:]))
	return out
}
