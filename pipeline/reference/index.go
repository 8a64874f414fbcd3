package reference

import (
	"math/bits"

	"github.com/gvc-brussels/anpr/schemas"
)

// plateKey is a plate in base 38 (A-Z, 0-9, the boundary, no zero digit): the first 12 characters in lo, the other
// three in hi. It is exact, not a hash: two plates never share a key. lo is zero only for the empty plate.
type plateKey struct {
	lo uint64
	hi uint32 // below 38^3, 16 bits
}

// keyDigits is the number of base-38 digits in 64 bits.
const keyDigits = 12

// digitOf maps a canonical character to 1..37.
var digitOf = func() (t [256]uint8) {
	for i := range byte(26) {
		t['A'+i] = 1 + i
	}
	for i := range byte(10) {
		t['0'+i] = 27 + i
	}
	t['-'] = 37
	return t
}()

func keyOf(p schemas.Plate) (k plateKey) {
	n := p.Len()
	for i := range min(n, keyDigits) {
		k.lo = k.lo*38 + uint64(digitOf[p.At(i)])
	}
	for i := keyDigits; i < n; i++ {
		k.hi = k.hi*38 + uint32(digitOf[p.At(i)])
	}
	return k
}

// hashKey mixes the key with two 128-bit multiplications. Index files depend on it: see indexFormat.
func (k plateKey) hashKey() uint64 {
	hi, lo := bits.Mul64(k.lo^0x9e3779b97f4a7c15, uint64(k.hi)^0xd6e8feb86659fd93)
	hi, lo = bits.Mul64(hi^lo, 0xa0761d6478bd642f)
	return hi ^ lo
}

// homeSlot is the first slot for a look-up in a table with n slots; n need not be a power of two.
func (k plateKey) homeSlot(n int) int { return homeOf(k.hashKey(), n) }

func homeOf(hash uint64, n int) int {
	h, _ := bits.Mul64(hash, uint64(n))
	return int(h)
}

// slotsFor returns the number of slots for n keys: three quarters full, and at least one free, so probing ends.
func slotsFor(n int) int {
	if n == 0 {
		return 0
	}
	return n + n/3 + 1
}

// index finds a plate's rows in a slice sorted by plate (or class): one slot for each distinct key, with the run of
// rows. It holds no pointers except its own array.
type index struct {
	slots []rowRun
}

type rowRun struct {
	lo    uint64
	hi    uint32
	start uint32
	n     uint32
}

// newIndex indexes n rows; rows with equal keys must be adjacent.
func newIndex(n int, key func(i int) plateKey) index {
	distinct := 0
	for i := range n {
		if i == 0 || key(i) != key(i-1) {
			distinct++
		}
	}
	x := index{slots: make([]rowRun, slotsFor(distinct))}
	for i := 0; i < n; {
		k := key(i)
		j := i + 1
		for j < n && key(j) == k {
			j++
		}
		x.putRun(k, rowRun{lo: k.lo, hi: k.hi, start: uint32(i), n: uint32(j - i)})
		i = j
	}
	return x
}

func (x *index) putRun(k plateKey, s rowRun) {
	i := k.homeSlot(len(x.slots))
	for x.slots[i].n != 0 {
		if i++; i == len(x.slots) {
			i = 0
		}
	}
	x.slots[i] = s
}

// findRows returns the key's rows [start, end); start = end when there are none.
func (x *index) findRows(k plateKey) (start, end uint32) {
	if len(x.slots) == 0 {
		return 0, 0
	}
	for i := k.homeSlot(len(x.slots)); ; {
		s := &x.slots[i]
		if s.n == 0 {
			return 0, 0
		}
		if s.lo == k.lo && s.hi == k.hi {
			return s.start, s.start + s.n
		}
		if i++; i == len(x.slots) {
			i = 0
		}
	}
}
