package evidence

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/gvc-brussels/anpr/schemas"
)

// errSealed says that bytes are not of the documented form.
var errSealed = errors.New("sealed bytes are not of the documented form")

// ParseSealed reads what AppendSealed writes, or wrote in an earlier version of the form: the decision with its PrevSeal, without its Seal,
// Spot, Within and Sealed, which no form has.
func ParseSealed(b []byte) (schemas.Decision, error) {
	var d schemas.Decision
	r := &unsealer{rest: b}
	form := r.byte()
	if r.err == nil && form != version && form != firstVersion {
		return d, fmt.Errorf("%w: version %d, want %d or %d", errSealed, form, firstVersion, version)
	}
	copy(d.PrevSeal[:], r.take(len(d.PrevSeal)))
	d.Rule = schemas.RuleID(r.text())
	d.RuleVersion = r.text()
	d.Family = schemas.Family(r.text())
	d.Outcome = schemas.Outcome(r.byte())
	d.Reason = r.text()
	copy(d.Passage.ID[:], r.take(len(d.Passage.ID)))
	r.sighting(&d.On, form)
	copy(d.Offence.ID[:], r.take(len(d.Offence.ID)))
	if form > firstVersion {
		d.Certain = r.bool()
	}
	d.HoldUntil = schemas.Micros(r.int64())
	d.Measured = schemas.Speed(r.int32())
	d.Corrected = schemas.Speed(r.int32())
	d.Limit = schemas.Speed(r.int32())
	d.AmountCents = r.int64()
	d.LegalBasis = r.text()
	d.Verified = r.bool()
	if n := r.count(); n > 0 {
		d.Trace = make([]schemas.Step, 0, min(n, 64))
		for range n {
			if r.err != nil {
				break
			}
			d.Trace = append(d.Trace, r.step())
		}
	}
	d.CatalogueVersion = r.text()
	d.ReferenceVersion = r.text()
	if r.err == nil && len(r.rest) > 0 {
		r.err = fmt.Errorf("%w: %d bytes more than a decision has", errSealed, len(r.rest))
	}
	if r.err != nil {
		return schemas.Decision{}, r.err
	}
	return d, nil
}

// unsealer takes values off the front. After the first error every value is zero.
type unsealer struct {
	rest []byte
	err  error
}

func (r *unsealer) take(n int) []byte {
	if r.err != nil {
		return nil
	}
	if n < 0 || n > len(r.rest) {
		r.err = fmt.Errorf("%w: cut short", errSealed)
		return nil
	}
	out := r.rest[:n]
	r.rest = r.rest[n:]
	return out
}

func (r *unsealer) byte() byte {
	if b := r.take(1); len(b) == 1 {
		return b[0]
	}
	return 0
}

func (r *unsealer) bool() bool {
	v := r.byte()
	if v > 1 && r.err == nil {
		r.err = fmt.Errorf("%w: %d for a yes or no", errSealed, v)
	}
	return v == 1
}

func (r *unsealer) uint32() uint32 {
	if b := r.take(4); len(b) == 4 {
		return binary.BigEndian.Uint32(b)
	}
	return 0
}

func (r *unsealer) uint16() uint16 {
	if b := r.take(2); len(b) == 2 {
		return binary.BigEndian.Uint16(b)
	}
	return 0
}

func (r *unsealer) int32() int32 { return int32(r.uint32()) }

func (r *unsealer) int64() int64 {
	if b := r.take(8); len(b) == 8 {
		return int64(binary.BigEndian.Uint64(b))
	}
	return 0
}

// count takes a number of things, each of which has bytes, so that what is said of the length bounds what is made.
func (r *unsealer) count() int {
	n := r.uint32()
	if uint64(n) > uint64(len(r.rest)) {
		if r.err == nil {
			r.err = fmt.Errorf("%w: cut short", errSealed)
		}
		return 0
	}
	return int(n)
}

func (r *unsealer) text() string { return string(r.take(r.count())) }

func (r *unsealer) sighting(s *schemas.Sighting, form byte) {
	copy(s.Read.ID[:], r.take(len(s.Read.ID)))
	s.Camera = r.text()
	s.CapturedAt = schemas.Micros(r.int64())
	s.ReceivedAt = schemas.Micros(r.int64())
	text := r.text()
	plate, ok := schemas.PlateFrom(text)
	if !ok && text != "" && r.err == nil {
		r.err = fmt.Errorf("%w: no plate", errSealed)
	}
	s.Plate = plate
	country := r.text()
	if s.Country, ok = schemas.CountryFrom(country); !ok && country != "" && r.err == nil {
		r.err = fmt.Errorf("%w: no country", errSealed)
	}
	s.Confidence = schemas.PerMille(r.uint16())
	s.Lane = r.byte()
	s.Direction = schemas.Direction(r.byte())
	s.Kind = schemas.VehicleKind(r.byte())
	s.Speed = schemas.Speed(r.int32())
	s.Flags = schemas.Flags(r.byte())
	copy(s.Image[:], r.take(len(s.Image)))
	if form > firstVersion {
		s.CountryConfidence = schemas.PerMille(r.uint16())
		s.Make, s.Colour = r.text(), r.text()
	}
}

func (r *unsealer) step() schemas.Step {
	s := schemas.Step{Code: r.text(), Holds: r.bool()}
	if n := r.count(); n > 0 {
		s.Args = make([]string, 0, min(n, 64))
		for range n {
			if r.err != nil {
				break
			}
			s.Args = append(s.Args, r.text())
		}
	}
	s.Basis, s.Verified = r.text(), r.bool()
	return s
}
