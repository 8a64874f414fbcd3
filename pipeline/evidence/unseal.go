package evidence

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/gvc-brussels/anpr/schemas"
)

// errSealed says that bytes do not have the documented form.
var errSealed = errors.New("sealed bytes are not of the documented form")

// ParseSealed reads the bytes from AppendSealed, in any version of the form. The decision has PrevSeal. Seal, Sealed,
// ExclusionKey and ExclusionSpan stay zero: no form has them.
func ParseSealed(b []byte) (schemas.Decision, error) {
	var d schemas.Decision
	r := &unsealer{rest: b}
	form := r.takeByte()
	if r.err == nil && (form < firstForm || form > newestForm) {
		return d, fmt.Errorf("%w: version %d, want %d to %d", errSealed, form, firstForm, newestForm)
	}
	copy(d.PrevSeal[:], r.takeBytes(len(d.PrevSeal)))
	d.Rule = schemas.RuleID(r.takeText())
	d.RuleVersion = r.takeText()
	d.Family = schemas.Family(r.takeText())
	d.Outcome = schemas.Outcome(r.takeByte())
	d.Reason = r.takeText()
	copy(d.Passage.ID[:], r.takeBytes(len(d.Passage.ID)))
	r.takeSighting(&d.On, form)
	copy(d.Offence.ID[:], r.takeBytes(len(d.Offence.ID)))
	if form >= readingForm {
		d.Certain = r.takeBool()
	}
	d.HoldUntil = schemas.Micros(r.takeInt64())
	if form < measuresForm {
		d.Measures = schemas.SpeedMeasures(r.takeInt32(), r.takeInt32(), r.takeInt32())
	}
	d.AmountCents = r.takeInt64()
	if form >= measuresForm {
		d.Measures = takeList(r, r.takeMeasure)
	}
	d.LegalBasis = r.takeText()
	d.Verified = r.takeBool()
	d.Trace = takeList(r, r.takeStep)
	d.CatalogueVersion = r.takeText()
	d.ReferenceVersion = r.takeText()
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

func (r *unsealer) takeBytes(n int) []byte {
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

func (r *unsealer) takeByte() byte {
	if b := r.takeBytes(1); len(b) == 1 {
		return b[0]
	}
	return 0
}

func (r *unsealer) takeBool() bool {
	v := r.takeByte()
	if v > 1 && r.err == nil {
		r.err = fmt.Errorf("%w: %d for a yes or no", errSealed, v)
	}
	return v == 1
}

func (r *unsealer) takeUint32() uint32 {
	if b := r.takeBytes(4); len(b) == 4 {
		return binary.BigEndian.Uint32(b)
	}
	return 0
}

func (r *unsealer) takeUint16() uint16 {
	if b := r.takeBytes(2); len(b) == 2 {
		return binary.BigEndian.Uint16(b)
	}
	return 0
}

func (r *unsealer) takeInt32() int32 { return int32(r.takeUint32()) }

func (r *unsealer) takeInt64() int64 {
	if b := r.takeBytes(8); len(b) == 8 {
		return int64(binary.BigEndian.Uint64(b))
	}
	return 0
}

// takeCount takes a number of elements. Each element has at least a byte, so the number, and with it the memory, is
// bounded by the rest.
func (r *unsealer) takeCount() int {
	n := r.takeUint32()
	if uint64(n) > uint64(len(r.rest)) {
		if r.err == nil {
			r.err = fmt.Errorf("%w: cut short", errSealed)
		}
		return 0
	}
	return int(n)
}

func (r *unsealer) takeText() string { return string(r.takeBytes(r.takeCount())) }

func (r *unsealer) takeSighting(s *schemas.Sighting, form byte) {
	copy(s.Read.ID[:], r.takeBytes(len(s.Read.ID)))
	s.Camera = r.takeText()
	s.CapturedAt = schemas.Micros(r.takeInt64())
	s.ReceivedAt = schemas.Micros(r.takeInt64())
	text := r.takeText()
	plate, ok := schemas.PlateFrom(text)
	if !ok && text != "" && r.err == nil {
		r.err = fmt.Errorf("%w: no plate", errSealed)
	}
	s.Plate = plate
	country := r.takeText()
	if s.Country, ok = schemas.CountryFrom(country); !ok && country != "" && r.err == nil {
		r.err = fmt.Errorf("%w: no country", errSealed)
	}
	s.Confidence = schemas.PerMille(r.takeUint16())
	s.Lane = r.takeByte()
	s.Direction = schemas.Direction(r.takeByte())
	s.Kind = schemas.VehicleKind(r.takeByte())
	s.Speed = schemas.Speed(r.takeInt32())
	s.Flags = schemas.Flags(r.takeByte())
	copy(s.Image[:], r.takeBytes(len(s.Image)))
	if form >= readingForm {
		s.CountryConfidence = schemas.PerMille(r.takeUint16())
		s.Make, s.Colour = r.takeText(), r.takeText()
	}
}

// takeList takes a number and as many elements; nil for none.
func takeList[E any](r *unsealer, take func() E) []E {
	n := r.takeCount()
	if n == 0 {
		return nil
	}
	out := make([]E, 0, min(n, 64))
	for range n {
		if r.err != nil {
			break
		}
		out = append(out, take())
	}
	return out
}

func (r *unsealer) takeMeasure() schemas.Measure {
	return schemas.Measure{Name: schemas.MeasureName(r.takeText()), Value: r.takeInt64(), Uncertainty: r.takeInt64(), Device: r.takeText()}
}

func (r *unsealer) takeStep() schemas.Step {
	s := schemas.Step{Code: r.takeText(), Holds: r.takeBool()}
	if n := r.takeCount(); n > 0 {
		s.Args = make([]string, 0, min(n, 64))
		for range n {
			if r.err != nil {
				break
			}
			s.Args = append(s.Args, r.takeText())
		}
	}
	s.Basis, s.Verified = r.takeText(), r.takeBool()
	return s
}
