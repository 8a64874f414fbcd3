package refdata

import "github.com/gvc-brussels/anpr/schemas"

// maxPeriods is how many periods one plate may have in one register. A Belgian plate follows its owner, so dozens are
// possible; more means the file is wrong, and would make long probe runs.
const maxPeriods = 255

// vehicleRecord is one period of one plate in one register, in 20 bytes: the exact key and the packed values.
type vehicleRecord struct {
	lo0, lo1 uint32 // plateKey.lo; both zero = the slot is free
	key      uint32 // plateKey.hi in the low 16 bits, the country's code above
	v0, v1   uint32 // the packed values
}

// Bits of the packed values.
const (
	fuelShift     = 5  // category below it
	euroShift     = 8  //
	oldtimerShift = 12 //
	firstShift    = 13 // day codes of 17 bits each
	fromShift     = 30
	toShift       = 47
	dayMask       = 1<<17 - 1
)

// dayBase makes the codes of the days 1900-01-01 and later positive; code 0 is "not set".
const dayBase = 25568

// Days outside these do not fit a record, and no register has a reason to name one.
var (
	minDay = schemas.DayOf(1900, 1, 1)
	maxDay = schemas.DayOf(2199, 12, 31)
)

func codeOfDay(d schemas.Day) uint64 { return uint64(d+dayBase) & dayMask }

func dayOfCode(c uint64) schemas.Day { return schemas.Day(c&dayMask) - dayBase }

// codeOfOptional is for days whose zero means not set.
func codeOfOptional(d schemas.Day) uint64 {
	if d == 0 {
		return 0
	}
	return codeOfDay(d)
}

func optionalOfCode(c uint64) schemas.Day {
	if c&dayMask == 0 {
		return 0
	}
	return dayOfCode(c)
}

// noCountry is the code of bytes that are no country; no record has it.
const noCountry = 1023

// countryCode numbers the countries 1..676; 0 is the unknown country.
func countryCode(c schemas.Country) uint32 {
	if c.IsZero() {
		return 0
	}
	a, b := uint32(c[0])-'A', uint32(c[1])-'A'
	if a >= 26 || b >= 26 {
		return noCountry
	}
	return 1 + a*26 + b
}

func countryOfCode(code uint32) schemas.Country {
	code--
	return schemas.Country{byte('A' + code/26), byte('A' + code%26)}
}

func pack(v *schemas.Vehicle) uint64 {
	w := uint64(v.Category)&31 | uint64(v.Fuel)&7<<fuelShift | uint64(v.Euro)&15<<euroShift
	if v.Oldtimer {
		w |= 1 << oldtimerShift
	}
	return w | codeOfOptional(v.FirstRegistration)<<firstShift | codeOfDay(v.ValidFrom)<<fromShift | codeOfOptional(v.ValidTo)<<toShift
}

func (r *vehicleRecord) packed() uint64 { return uint64(r.v1)<<32 | uint64(r.v0) }

func (r *vehicleRecord) free() bool { return r.lo0|r.lo1 == 0 }

func (r *vehicleRecord) hasPlate(k plateKey) bool {
	return r.lo0 == uint32(k.lo) && r.lo1 == uint32(k.lo>>32) && r.key&0xffff == k.hi
}

func (r *vehicleRecord) vehicle() schemas.Vehicle {
	w := r.packed()
	return schemas.Vehicle{
		Country:           countryOfCode(r.key >> 16),
		Category:          schemas.Category(w & 31),
		Fuel:              schemas.Fuel(w >> fuelShift & 7),
		Euro:              schemas.Euro(w >> euroShift & 15),
		Oldtimer:          w>>oldtimerShift&1 != 0,
		FirstRegistration: optionalOfCode(w >> firstShift),
		ValidFrom:         dayOfCode(w >> fromShift),
		ValidTo:           optionalOfCode(w >> toShift),
	}
}

func (r *vehicleRecord) covers(day schemas.Day) bool {
	w := r.packed()
	to := optionalOfCode(w >> toShift)
	return day >= dayOfCode(w>>fromShift) && (to == 0 || day < to)
}

func (r *vehicleRecord) overlaps(v *schemas.Vehicle) bool {
	w := r.packed()
	from, to := dayOfCode(w>>fromShift), optionalOfCode(w>>toShift)
	return (to == 0 || v.ValidFrom < to) && (v.ValidTo == 0 || from < v.ValidTo)
}

// vehicleTable holds all periods of all plates: open addressing, linear probing, keyed by the plate alone, so that the
// registers of all countries and all periods of a plate lie in one probe run.
type vehicleTable struct {
	slots []vehicleRecord
	n     int
	limit int // rows it was made for
}

func newVehicleTable(rows int) *vehicleTable {
	slots := make([]vehicleRecord, slotsFor(rows))
	adviseHugePages(slots)
	return &vehicleTable{slots: slots, limit: rows}
}

// putResult says what became of a row.
type putResult uint8

const (
	putDone    putResult = iota
	putOverlap           // the plate has another period in this register that shares a day
	putTooMany           // the plate has maxPeriods already
	putFull              // more rows than the table was made for
)

func (t *vehicleTable) put(p schemas.Plate, v *schemas.Vehicle) putResult {
	if t.n >= t.limit {
		return putFull
	}
	k := keyOf(p)
	key := k.hi | countryCode(v.Country)<<16
	i := k.home(len(t.slots))
	periods := 0
	for ; !t.slots[i].free(); i = t.after(i) {
		r := &t.slots[i]
		if !r.hasPlate(k) || r.key != key {
			continue
		}
		if r.overlaps(v) {
			return putOverlap
		}
		if periods++; periods >= maxPeriods {
			return putTooMany
		}
	}
	w := pack(v)
	t.slots[i] = vehicleRecord{lo0: uint32(k.lo), lo1: uint32(k.lo >> 32), key: key, v0: uint32(w), v1: uint32(w >> 32)}
	t.n++
	return putDone
}

func (t *vehicleTable) after(i int) int {
	if i++; i == len(t.slots) {
		return 0
	}
	return i
}

// find returns what the plate was on that day. With the country unknown it answers only when exactly one register has
// the plate on that day; periods of one register are disjoint, so it meets each register at most once.
func (t *vehicleTable) find(p schemas.Plate, country schemas.Country, day schemas.Day) (v schemas.Vehicle, ok bool) {
	if len(t.slots) == 0 || p.IsZero() {
		return v, false
	}
	k := keyOf(p)
	want := countryCode(country)
	var found *vehicleRecord
	for i := k.home(len(t.slots)); !t.slots[i].free(); i = t.after(i) {
		r := &t.slots[i]
		if !r.hasPlate(k) || (want != 0 && r.key>>16 != want) || !r.covers(day) {
			continue
		}
		if want != 0 {
			return r.vehicle(), true
		}
		if found != nil {
			return v, false
		}
		found = r
	}
	if found == nil {
		return v, false
	}
	return found.vehicle(), true
}

// touch loads the slot a look-up of the plate begins at.
func (t *vehicleTable) touch(p schemas.Plate) uint32 {
	if len(t.slots) == 0 {
		return 0
	}
	return t.slots[keyOf(p).home(len(t.slots))].lo0
}
