package evidence

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/gvc-brussels/anpr/schemas"
)

// Versions of the form. Seal writes the newest; all are read for ever.
const (
	firstForm    = 1
	readingForm  = 2 // adds CountryConfidence, Make, Colour and Certain
	measuresForm = 3 // replaces three speeds by measures
	newestForm   = measuresForm
)

// Faults that Verify finds.
var (
	ErrNotSealed = errors.New("decision carries no seal")
	ErrChain     = errors.New("previous seal is not that of the decision before")
	ErrContent   = errors.New("content is not what was sealed")
)

// Seal chains a decision to the camera's previous seal (zero for the first decision) and seals it. It replaces the
// decision's PrevSeal, Seal and Sealed.
func Seal(d *schemas.Decision, prev schemas.Sum) {
	d.PrevSeal = prev
	d.Sealed = AppendSealed(d.Sealed[:0], d)
	d.Seal = sha256.Sum256(d.Sealed)
}

// Verify checks that a decision is sealed, follows the decision with the seal prev, and has the sealed content. The
// error wraps ErrNotSealed, ErrChain or ErrContent, in this order. For a broken chain the error says whether the
// decision itself is sound: a removed neighbour differs from a forged record.
func Verify(d *schemas.Decision, prev schemas.Sum) error {
	if d.Seal.IsZero() {
		return fmt.Errorf("offence %s: %w", d.Offence, ErrNotSealed)
	}
	sound := sealedSum(d) == d.Seal
	switch {
	case d.PrevSeal != prev && sound:
		return fmt.Errorf("offence %s: %w: it names %x, the one before has %x; the decision itself is as sealed, "+
			"so a decision before it is missing, added or changed", d.Offence, ErrChain, d.PrevSeal[:8], prev[:8])
	case d.PrevSeal != prev:
		return fmt.Errorf("offence %s: %w, and %w", d.Offence, ErrChain, ErrContent)
	case !sound:
		return fmt.Errorf("offence %s: %w: at least one field was changed after it was sealed", d.Offence, ErrContent)
	}
	return nil
}

// SealsTo reports whether the decision, placed after prev, has this seal in any form. So a decision made again is
// compared with a seal from an earlier release. SealsTo changes nothing.
func SealsTo(d *schemas.Decision, prev, seal schemas.Sum) bool {
	var stack [2048]byte
	sealed := *d
	sealed.PrevSeal = prev
	for form := byte(newestForm); form >= firstForm; form-- {
		if fitsForm(d, form) && sha256.Sum256(appendForm(stack[:0], &sealed, form)) == seal {
			return true
		}
	}
	return false
}

// sealedSum returns the decision's seal in the form of its sealed bytes, or in the newest form. It returns zero when
// the form has no place for the content.
func sealedSum(d *schemas.Decision) schemas.Sum {
	var stack [2048]byte
	form := byte(newestForm)
	if len(d.Sealed) > 0 && d.Sealed[0] >= firstForm && d.Sealed[0] < newestForm {
		form = d.Sealed[0]
	}
	if !fitsForm(d, form) {
		return schemas.Sum{}
	}
	return sha256.Sum256(appendForm(stack[:0], d, form))
}

// fitsForm reports whether the form has a place for every measure. Forms before measuresForm have three speeds, none 0.
func fitsForm(d *schemas.Decision, form byte) bool {
	if form >= measuresForm {
		return true
	}
	names := [...]schemas.MeasureName{schemas.MeasuredSpeed, schemas.CorrectedSpeed, schemas.AllowedSpeed}
	next := 0
	for i := range d.Measures {
		m := &d.Measures[i]
		for next < len(names) && names[next] != m.Name {
			next++
		}
		if next == len(names) || m.Value == 0 || m.Value != int64(int32(m.Value)) || m.Uncertainty != 0 || m.Device != "" {
			return false
		}
		next++
	}
	return true
}

// AppendSealed appends the bytes under the seal, in the documented form: the decision with PrevSeal, without Seal. The
// seal is the bytes' SHA-256. An export carries the bytes, so that a court can check the seal with any SHA-256 tool.
func AppendSealed(dst []byte, d *schemas.Decision) []byte { return appendForm(dst, d, newestForm) }

func appendForm(dst []byte, d *schemas.Decision, form byte) []byte {
	dst = append(dst, form)
	dst = append(dst, d.PrevSeal[:]...)
	dst = appendText(dst, string(d.Rule))
	dst = appendText(dst, d.RuleVersion)
	dst = appendText(dst, string(d.Family))
	dst = append(dst, byte(d.Outcome))
	dst = appendText(dst, d.Reason)
	dst = append(dst, d.Passage.ID[:]...)
	dst = appendSighting(dst, &d.On, form)
	dst = append(dst, d.Offence.ID[:]...)
	if form >= readingForm {
		dst = appendBool(dst, d.Certain)
	}
	dst = appendInt64(dst, int64(d.HoldUntil))
	if form < measuresForm {
		dst = appendInt32(dst, int32(d.Measure(schemas.MeasuredSpeed)))
		dst = appendInt32(dst, int32(d.Measure(schemas.CorrectedSpeed)))
		dst = appendInt32(dst, int32(d.Measure(schemas.AllowedSpeed)))
	}
	dst = appendInt64(dst, d.AmountCents)
	if form >= measuresForm {
		dst = appendMeasures(dst, d.Measures)
	}
	dst = appendText(dst, d.LegalBasis)
	dst = appendBool(dst, d.Verified)
	dst = appendCount(dst, len(d.Trace))
	for i := range d.Trace {
		dst = appendStep(dst, &d.Trace[i])
	}
	dst = appendText(dst, d.CatalogueVersion)
	return appendText(dst, d.ReferenceVersion)
}

func appendSighting(dst []byte, s *schemas.Sighting, form byte) []byte {
	var plate [schemas.MaxPlate]byte
	dst = append(dst, s.Read.ID[:]...)
	dst = appendText(dst, s.Camera)
	dst = appendInt64(dst, int64(s.CapturedAt))
	dst = appendInt64(dst, int64(s.ReceivedAt))
	dst = appendText(dst, s.Plate.AppendTo(plate[:0]))
	dst = appendText(dst, s.Country.String())
	dst = binary.BigEndian.AppendUint16(dst, uint16(s.Confidence))
	dst = append(dst, s.Lane, byte(s.Direction), byte(s.Kind))
	dst = appendInt32(dst, int32(s.Speed))
	dst = append(dst, byte(s.Flags))
	dst = append(dst, s.Image[:]...)
	if form < readingForm {
		return dst
	}
	dst = binary.BigEndian.AppendUint16(dst, uint16(s.CountryConfidence))
	return appendText(appendText(dst, s.Make), s.Colour)
}

func appendMeasures(dst []byte, measures []schemas.Measure) []byte {
	dst = appendCount(dst, len(measures))
	for i := range measures {
		m := &measures[i]
		dst = appendText(dst, string(m.Name))
		dst = appendInt64(dst, m.Value)
		dst = appendInt64(dst, m.Uncertainty)
		dst = appendText(dst, m.Device)
	}
	return dst
}

func appendStep(dst []byte, s *schemas.Step) []byte {
	dst = appendText(dst, s.Code)
	dst = appendBool(dst, s.Holds)
	dst = appendCount(dst, len(s.Args))
	for _, a := range s.Args {
		dst = appendText(dst, a)
	}
	dst = appendText(dst, s.Basis)
	return appendBool(dst, s.Verified)
}

func appendText[T ~string | ~[]byte](dst []byte, s T) []byte {
	return append(appendCount(dst, len(s)), s...)
}

func appendCount(dst []byte, n int) []byte { return binary.BigEndian.AppendUint32(dst, uint32(n)) }

func appendInt64(dst []byte, v int64) []byte { return binary.BigEndian.AppendUint64(dst, uint64(v)) }

func appendInt32(dst []byte, v int32) []byte { return binary.BigEndian.AppendUint32(dst, uint32(v)) }

func appendBool(dst []byte, v bool) []byte {
	if v {
		return append(dst, 1)
	}
	return append(dst, 0)
}
