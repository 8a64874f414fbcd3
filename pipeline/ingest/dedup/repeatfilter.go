package dedup

import (
	"encoding/binary"
	"math/bits"

	"github.com/gvc-brussels/anpr/schemas"
)

const (
	slotsPerBucket = 16 // 128 bytes: two cache lines, fetched together
	windowEpochs   = 31 // the window's error is at most 1/31 of its span
	slotsPerID     = 4  // so that buckets hardly ever overflow
	epochBits      = 8
	epochMask      = 1<<epochBits - 1
	epochCycle     = 255 // stored epochs are 1..255; 0 marks an empty slot
)

// RepeatFilter is a set of read ids seen within a sliding span of log time. A slot holds a 56-bit tag and the epoch in which
// the id was last seen; an expired slot is simply free, so there is no timer. The bucket index and the tag come from
// independent multiplications, so two ids are taken for one with probability 16/2^56 a look-up.
//
// Memory is fixed: 8 bytes a slot, with four times as many slots as ids asked for. When all sixteen slots of a bucket are live the oldest
// is forgotten and counted in Evicted; its retransmission would then be stored as a row of its own.
type RepeatFilter struct {
	buckets [][slotsPerBucket]uint64
	shift   uint
	epoch   schemas.Micros        // length
	now     int64                 // epoch number at the last call
	until   schemas.Micros        // when the epoch ends
	swept   int                   // next bucket of the sweep
	live    int                   // remembered ids
	seenIn  [epochMask + 1]uint32 // of them, by the epoch in which they were last seen, as slots have it
	// Evicted counts ids forgotten before their time for want of room.
	Evicted uint64
}

// NewRepeatFilter makes a filter with at least span, for about capacity live ids.
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

// Seen reports whether the id was seen within the span before clock, and remembers the id. clock must not go back. It
// does not allocate.
func (w *RepeatFilter) Seen(id schemas.ReadID, clock schemas.Micros) bool {
	if clock >= w.until {
		w.advanceEpoch(int64(clock / w.epoch))
	}
	b := w.bucketOf(&id)
	tag := tagOfID(&id)
	fresh := tag | uint64(w.now%epochCycle+1)
	for i, s := range b { // nearly always in vain: the shortest loop there is
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

// Live returns how many ids are remembered at that time, which is not before the last call of Seen. It looks at no slot.
func (w *RepeatFilter) Live(clock schemas.Micros) int {
	n := w.live
	for k := int64(1); k <= min(int64(clock/w.epoch)-w.now, windowEpochs); k++ {
		n -= int(w.seenIn[expiredEpoch(w.now+k)])
	}
	return n
}

// Room returns for how many live ids there is room: with so many, the first are forgotten before their time, a few in a million; with
// three times as many one in ten is.
func (w *RepeatFilter) Room() int { return len(w.buckets) * slotsPerBucket / slotsPerID }

// expiredEpoch is the epoch that ends to be remembered when the given one begins, as slots have it.
func expiredEpoch(now int64) uint8 { return uint8((now-windowEpochs+epochCycle)%epochCycle + 1) }

// slotToReuse returns the bucket's first free or expired slot, or else the oldest, and forgets it.
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

// epochsSince returns how many epochs ago the slot was last seen; it is right up to epochCycle-1, which the sweep ensures.
func (w *RepeatFilter) epochsSince(slot uint64) int64 {
	d := w.now%epochCycle + 1 - int64(slot&epochMask)
	if d < 0 {
		d += epochCycle
	}
	return d
}

// advanceEpoch moves to a new epoch and clears expired slots before their 8-bit epoch could come round again: all buckets
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
	for range step { // one epoch at a time: an age is right only while every bucket is swept once a cycle
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

// bucketOf finds an id's bucket: the high bits in a first hash.
func (w *RepeatFilter) bucketOf(id *schemas.ReadID) *[slotsPerBucket]uint64 {
	h, l := bits.Mul64(halfOf(id.ID[:8])^0x9e3779b97f4a7c15, halfOf(id.ID[8:])^0xbf58476d1ce4e5b9)
	return &w.buckets[(h^l)>>w.shift&uint64(len(w.buckets)-1)]
}

// tagOfID gives an id's tag, 56 bits above the epoch, by a second hash.
func tagOfID(id *schemas.ReadID) uint64 {
	h, l := bits.Mul64(halfOf(id.ID[8:])^0x94d049bb133111eb, halfOf(id.ID[:8])^0xd6e8feb86659fd93)
	return (h ^ l) &^ epochMask
}

func halfOf(b []byte) uint64 { return binary.LittleEndian.Uint64(b) }
