package dedup

import (
	"encoding/binary"
	"math/bits"

	"github.com/gvc-brussels/anpr/schemas"
)

const (
	slotsPerBucket = 16 // two cache lines of 64 bytes, fetched together
	windowEpochs   = 31 // error of the span: at most 1/31
	slotsPerID     = 4  // hardly any bucket overflows
	epochBits      = 8
	epochMask      = 1<<epochBits - 1
	epochCycle     = 255 // stored epochs are 1..255; 0 = an empty slot
)

// RepeatFilter is a set of read ids seen within a sliding span of log time. A slot holds a 56-bit tag and the epoch of
// the last sight. An expired slot counts as free, so no timer is needed. Bucket index and tag come from independent
// multiplications: a look-up takes two different ids for one with probability 16/2^56.
//
// Memory is fixed: 8 bytes a slot, with four times as many slots as requested ids. When all 16 slots in a bucket are
// live, the oldest id is dropped and counted in Evicted. A retransmission of a dropped id would be stored as a further
// row.
type RepeatFilter struct {
	buckets [][slotsPerBucket]uint64
	shift   uint
	epoch   schemas.Micros        // length of an epoch
	now     int64                 // epoch number at the last call
	until   schemas.Micros        // end of the epoch
	swept   int                   // next bucket to sweep
	live    int                   // number of remembered ids
	seenIn  [epochMask + 1]uint32 // remembered ids by stored epoch of the last sight
	// Evicted counts ids dropped early because a bucket was full.
	Evicted uint64
}

// NewRepeatFilter returns a filter for at least span, with room for about capacity live ids.
func NewRepeatFilter(span schemas.Micros, capacity int) *RepeatFilter {
	n := bucketsFor(capacity)
	buckets := make([][slotsPerBucket]uint64, n)
	adviseHugePages(buckets)
	return &RepeatFilter{
		buckets: buckets,
		shift:   uint(64 - bits.TrailingZeros(uint(n))),
		epoch:   max(1, (span+windowEpochs-2)/(windowEpochs-1)),
	}
}

func bucketsFor(capacity int) int {
	n := 1
	for n*slotsPerBucket < slotsPerID*capacity {
		n <<= 1
	}
	return n
}

// Seen reports whether the id was seen within the span before clock, and remembers the id. clock must not go back.
// Seen does not allocate.
func (w *RepeatFilter) Seen(id schemas.ReadID, clock schemas.Micros) bool {
	if clock >= w.until {
		w.advanceEpoch(int64(clock / w.epoch))
	}
	b := w.bucketOf(&id)
	tag := tagOfID(&id)
	fresh := tag | uint64(w.now%epochCycle+1)
	for i, s := range b { // nearly always without a match, so the loop is as short as possible
		if (s^tag)>>epochBits == 0 && s != 0 && w.epochsSince(s) < windowEpochs {
			b[i] = fresh
			w.seenIn[uint8(s)]--
			w.seenIn[uint8(fresh)]++
			return true
		}
	}
	b[w.slotToReuse(b)] = fresh
	w.live++
	w.seenIn[uint8(fresh)]++
	return false
}

// Live returns the number of ids remembered at clock, which must not be before the last call of Seen. Live reads no
// slots.
func (w *RepeatFilter) Live(clock schemas.Micros) int {
	n := w.live
	for k := int64(1); k <= min(int64(clock/w.epoch)-w.now, windowEpochs); k++ {
		n -= int(w.seenIn[expiredEpoch(w.now+k)])
	}
	return n
}

// Room returns the intended number of live ids. At that number, a few ids in a million are dropped early; at three
// times that number, 10 % are.
func (w *RepeatFilter) Room() int { return len(w.buckets) * slotsPerBucket / slotsPerID }

// expiredEpoch returns the stored number of the epoch that expires when epoch now begins.
func expiredEpoch(now int64) uint8 { return uint8((now-windowEpochs+epochCycle)%epochCycle + 1) }

// slotToReuse returns the bucket's first free or expired slot. In a full bucket, slotToReuse drops the oldest id and
// returns its slot.
func (w *RepeatFilter) slotToReuse(b *[slotsPerBucket]uint64) int {
	oldest, oldestAge := 0, int64(-1)
	for i, s := range b {
		if s == 0 {
			return i
		}
		age := w.epochsSince(s)
		if age >= windowEpochs {
			return i
		}
		if age > oldestAge {
			oldest, oldestAge = i, age
		}
	}
	w.Evicted++
	w.live--
	w.seenIn[uint8(b[oldest])]--
	return oldest
}

// epochsSince returns the age of a slot in epochs. The age is right up to epochCycle-1; the sweep keeps ages below.
func (w *RepeatFilter) epochsSince(slot uint64) int64 {
	d := w.now%epochCycle + 1 - int64(slot&epochMask)
	if d < 0 {
		d += epochCycle
	}
	return d
}

// advanceEpoch moves to epoch now. A sweep clears expired slots before their 8-bit epoch number returns: all buckets
// within epochCycle-windowEpochs epochs.
func (w *RepeatFilter) advanceEpoch(now int64) {
	step := now - w.now
	w.until = schemas.Micros(now+1) * w.epoch
	if step >= epochCycle-windowEpochs || w.now == 0 {
		clear(w.buckets)
		clear(w.seenIn[:])
		w.now, w.swept, w.live = now, 0, 0
		return
	}
	per := (len(w.buckets)-1)/(epochCycle-windowEpochs-1) + 1
	for range step { // one epoch at a time, so that every bucket is swept once a cycle and ages stay right
		w.now++
		old := &w.seenIn[expiredEpoch(w.now)]
		w.live -= int(*old)
		*old = 0
		for range per {
			b := &w.buckets[w.swept]
			for i, s := range b {
				if s != 0 && w.epochsSince(s) >= windowEpochs {
					b[i] = 0
				}
			}
			w.swept++
			if w.swept == len(w.buckets) {
				w.swept = 0
			}
		}
	}
}

// bucketOf returns the bucket for an id, from the high bits of a first hash.
func (w *RepeatFilter) bucketOf(id *schemas.ReadID) *[slotsPerBucket]uint64 {
	h, l := bits.Mul64(halfOf(id.ID[:8])^0x9e3779b97f4a7c15, halfOf(id.ID[8:])^0xbf58476d1ce4e5b9)
	return &w.buckets[(h^l)>>w.shift&uint64(len(w.buckets)-1)]
}

// tagOfID returns the tag for an id, from a second hash: 56 bits above the epoch.
func tagOfID(id *schemas.ReadID) uint64 {
	h, l := bits.Mul64(halfOf(id.ID[8:])^0x94d049bb133111eb, halfOf(id.ID[:8])^0xd6e8feb86659fd93)
	return (h ^ l) &^ epochMask
}

func halfOf(b []byte) uint64 { return binary.LittleEndian.Uint64(b) }
