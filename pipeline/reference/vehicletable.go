package reference

import (
	"runtime"
	"unsafe"

	"github.com/gvc-brussels/anpr/schemas"
)

// maxPeriods bounds a plate's periods in a register. A Belgian plate follows its owner, so dozens are possible; more
// means a wrong file, and would make long runs of buckets.
const maxPeriods = 255

// inBucket is the number of records in a cache line.
const inBucket = 3

// bucket is a cache line: three records, an overflow bit for a full line with records in the next, and each record's
// low bits of the reference mass.
type bucket struct {
	records [inBucket]vehicleRecord
	over    uint32 // overBit, then massLowBits for each record
}

const overBit = 1

func (b *bucket) massLow(j int) uint32 { return b.over >> (1 + massLowBits*j) & massLowMask }

func (b *bucket) vehicleAt(j int) schemas.Vehicle { return b.records[j].unpackVehicle(b.massLow(j)) }

const bucketSize = int(unsafe.Sizeof(bucket{}))

// vehicleTable holds every plate's periods in lines with three records, outside the garbage collector. The plate alone
// chooses a record's line; a record for a full line goes to the next. So a plate's periods in all countries' registers
// lie side by side, a look-up mostly reads one cache line, and a single address suffices to prefetch. Records are only
// ever added: a free place ends a search.
type vehicleTable struct {
	buckets []bucket
	n       int
	limit   int // capacity in rows
	mem     *arena
}

// bucketsFor returns the number of lines for n records: three quarters full, and at least one record free, so searches
// end.
func bucketsFor(n int) int {
	if n == 0 {
		return 0
	}
	return (n*4/3 + inBucket) / inBucket
}

func newVehicleTable(rows int) (*vehicleTable, error) {
	mem, err := newArena(bucketsFor(rows) * bucketSize)
	if err != nil {
		return nil, err
	}
	return tableIn(mem, mem.b, 0, rows), nil
}

// tableIn views an arena's memory as a table with n records.
func tableIn(mem *arena, b []byte, n, limit int) *vehicleTable {
	t := &vehicleTable{n: n, limit: limit, mem: mem}
	if len(b) > 0 {
		t.buckets = unsafe.Slice((*bucket)(unsafe.Pointer(unsafe.SliceData(b))), len(b)/bucketSize)
	}
	freeWith(t, mem)
	return t
}

// viewBytes views the table as memory, valid as long as the table.
func (t *vehicleTable) viewBytes() []byte {
	if len(t.buckets) == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(t.buckets))), len(t.buckets)*bucketSize)
}

// openVehicles takes the table from its index file; nil when there is none.
func openVehicles(d indexDir, key schemas.Sum) *vehicleTable {
	x := d.openFile(indexVehicles, key)
	if x == nil {
		return nil
	}
	d.report(indexVehicles, indexUsed, nil)
	return tableIn(x.mem, x.data, int(x.ints[0]), int(x.ints[0]))
}

// saveIndex writes the table to its index file and returns the table to use from now on.
func (t *vehicleTable) saveIndex(d indexDir, key schemas.Sum) *vehicleTable {
	x := d.saveIndex(indexVehicles, key, &indexFile{ints: [4]uint64{uint64(t.n)}, data: t.viewBytes()})
	if x == nil {
		return t
	}
	t.mem.freeNow()
	return tableIn(x.mem, x.data, int(x.ints[0]), int(x.ints[0]))
}

// putResult is the result of adding a row.
type putResult uint8

const (
	putDone    putResult = iota
	putOverlap           // the plate has another period in this register with a common day
	putTooMany           // the plate has maxPeriods already
	putFull              // the table is full
)

// addVehicle adds a vehicle under its plate's key.
func (t *vehicleTable) addVehicle(k plateKey, v *schemas.Vehicle) putResult {
	if t.n >= t.limit {
		return putFull
	}
	key := packKey(k.hi, v)
	periods := 0
	for i := k.homeSlot(len(t.buckets)); ; i = t.nextBucket(i) {
		b := &t.buckets[i]
		for j := range b.records {
			r := &b.records[j]
			if r.isFree() {
				w := packValues(v)
				*r = vehicleRecord{lo0: uint32(k.lo), lo1: uint32(k.lo >> 32), key: key, v0: uint32(w), v1: uint32(w >> 32)}
				b.over |= uint32(min(v.ReferenceMass, schemas.MaxReferenceMass)) & massLowMask << (1 + massLowBits*j)
				t.n++
				return putDone
			}
			if !r.hasPlate(k) || r.key&sameMask != key&sameMask {
				continue
			}
			if r.overlapsPeriod(v) {
				return putOverlap
			}
			if periods++; periods >= maxPeriods {
				return putTooMany
			}
		}
		b.over |= overBit
	}
}

func (t *vehicleTable) nextBucket(i int) int {
	if i++; i == len(t.buckets) {
		return 0
	}
	return i
}

// findVehicle returns the plate's vehicle on a day. With the country unknown it answers only when exactly one register
// has the plate on the day; periods in a register are disjoint, so it meets each register at most once.
func (t *vehicleTable) findVehicle(p schemas.Plate, country schemas.Country, day schemas.Day) (v schemas.Vehicle, ok bool) {
	if len(t.buckets) == 0 || p.IsZero() {
		return v, false
	}
	k := keyOf(p)
	want := countryCode(country)
	var found *bucket
	var place int
search:
	for i := k.homeSlot(len(t.buckets)); ; i = t.nextBucket(i) {
		b := &t.buckets[i]
		for j := range b.records {
			r := &b.records[j]
			switch {
			case r.isFree():
				break search
			case !r.hasPlate(k) || want != 0 && r.countryBits() != want || !r.coversDay(day):
			case want != 0:
				found, place = b, j
				break search
			case found != nil:
				found = nil
				break search
			default:
				found, place = b, j
			}
		}
		if b.over&overBit == 0 {
			break
		}
	}
	if found != nil {
		v, ok = found.vehicleAt(place), true
	}
	runtime.KeepAlive(t) // the memory lives as long as the table
	return v, ok
}

// prefetchBucket loads the first line for the plate.
func (t *vehicleTable) prefetchBucket(p schemas.Plate) uint32 {
	if len(t.buckets) == 0 {
		return 0
	}
	loaded := t.buckets[keyOf(p).homeSlot(len(t.buckets))].over
	runtime.KeepAlive(t)
	return loaded
}
