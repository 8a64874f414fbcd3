package normalise

import "github.com/gvc-brussels/anpr/schemas"

// MaxVariants bounds the result of AppendVariants.
const MaxVariants = 4096

// alphabet is every canonical character, in order.
const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"

// confused lists, for every canonical character, the others of its confusion class. The list is derived from the
// class itself, so the two cannot differ.
var confused = func() (t [256][]byte) {
	for _, a := range []byte(alphabet) {
		for _, b := range []byte(alphabet) {
			if a != b && schemas.ClassOf(a) == schemas.ClassOf(b) {
				t[a] = append(t[a], b)
			}
		}
	}
	return t
}()

// VariantCount returns the number of texts of letters and digits in the confusion class of p, p included. It never
// overflows: the bound is 4 to the power of 15.
func VariantCount(p schemas.Plate) int {
	if p = p.Unbounded(); p.IsZero() {
		return 0
	}
	n := 1
	for i := range p.Len() {
		n *= 1 + len(confused[p.At(i)])
	}
	return n
}

// Variants returns the plates of the confusion class of p, at most MaxVariants: p first, then by rising number of
// changed characters. Behind a text of two German districts come its plates with a boundary. A search with more plates
// (see VariantCount) looks up the class instead.
func Variants(p schemas.Plate) []schemas.Plate {
	return AppendVariants(nil, p, MaxVariants)
}

// AppendVariants appends the Variants of p to dst: at most most of them, and at most MaxVariants.
func AppendVariants(dst []schemas.Plate, p schemas.Plate, most int) []schemas.Plate {
	if p.IsZero() {
		return dst
	}
	text := p.Unbounded()
	v := variantWalk{dst: dst, own: p, end: len(dst) + min(most, MaxVariants), n: text.Len()}
	text.AppendTo(v.chars[:0])
	if text != p {
		v.dst = append(v.dst, p)
	}
	for changes := 0; changes <= v.n && len(v.dst) < v.end; changes++ {
		v.appendChanged(0, changes)
	}
	return v.dst
}

type variantWalk struct {
	dst   []schemas.Plate
	own   schemas.Plate
	end   int
	chars [schemas.MaxPlate]byte
	n     int
}

// appendChanged appends every plate that differs from chars in exactly changes positions from i on.
func (v *variantWalk) appendChanged(i, changes int) {
	if len(v.dst) >= v.end {
		return
	}
	if changes == 0 {
		p, _ := schemas.PlateFrom(v.chars[:v.n])
		v.dst = append(v.dst, p)
		if p.Districts() != 0 || p.At(0) == 'V' {
			v.appendBounded(p)
		}
		return
	}
	if i == v.n {
		return
	}
	own := v.chars[i]
	for _, c := range confused[own] {
		v.chars[i] = c
		v.appendChanged(i+1, changes-1)
	}
	v.chars[i] = own
	v.appendChanged(i+1, changes)
}

// appendBounded appends the forms of p with a boundary.
func (v *variantWalk) appendBounded(p schemas.Plate) {
	var buf [8]schemas.Plate
	for _, q := range p.AppendBounded(buf[:0]) {
		if len(v.dst) < v.end && q != v.own {
			v.dst = append(v.dst, q)
		}
	}
}
