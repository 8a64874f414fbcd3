package reference

import "github.com/gvc-brussels/anpr/schemas"

// vehicleRecord is a plate's period in a register, in 20 bytes: the exact key and the packed values. The reference
// mass's low bits do not fit; they are in the bucket.
type vehicleRecord struct {
	lo0, lo1 uint32 // plateKey.lo; both zero = the slot is free
	key      uint32 // plateKey.hi in the low 16 bits, the country's code in 10, then class, body and the high bits of the mass
	v0, v1   uint32 // the packed values
}

// Bits in vehicleRecord.key above the plate's bits.
const (
	countryShift = 16
	classShift   = 26
	bodyShift    = 28
	massShift    = 30
	countryMask  = 1<<10 - 1
	sameMask     = 1<<classShift - 1 // plate and country

	massLowBits = 10 // in the bucket
	massLowMask = 1<<massLowBits - 1
)

// Bits in the packed values.
const (
	fuelShift     = 5  // category below it
	euroShift     = 8  //
	oldtimerShift = 12 //
	firstShift    = 13 // day codes of 17 bits each
	fromShift     = 30
	toShift       = 47
	dayMask       = 1<<17 - 1
)

// dayBase makes the codes from 1900-01-01 on positive; code 0 is "not set".
const dayBase = 25568

// Days outside this range do not fit a record, and no register has a reason to name one.
var (
	minDay = schemas.DayOf(1900, 1, 1)
	maxDay = schemas.DayOf(2199, 12, 31)
)

func codeOfDay(d schemas.Day) uint64 { return uint64(d+dayBase) & dayMask }

func dayOfCode(c uint64) schemas.Day { return schemas.Day(c&dayMask) - dayBase }

// codeOfOptional is codeOfDay for days where zero means not set.
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

// noCountry is the code for bytes which are no country; no record has it.
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

func packValues(v *schemas.Vehicle) uint64 {
	w := uint64(v.Category)&31 | uint64(v.Fuel)&7<<fuelShift | uint64(v.Euro)&15<<euroShift
	if v.Oldtimer {
		w |= 1 << oldtimerShift
	}
	return w | codeOfOptional(v.FirstRegistration)<<firstShift | codeOfDay(v.ValidFrom)<<fromShift | codeOfOptional(v.ValidTo)<<toShift
}

// packKey packs the values beside the plate: country, class, body and the mass's high bits.
func packKey(hi uint32, v *schemas.Vehicle) uint32 {
	mass := uint32(min(v.ReferenceMass, schemas.MaxReferenceMass))
	return hi | countryCode(v.Country)<<countryShift | uint32(v.Class)&3<<classShift | uint32(v.Body)&3<<bodyShift |
		mass>>massLowBits<<massShift
}

func (r *vehicleRecord) countryBits() uint32 { return r.key >> countryShift & countryMask }

func (r *vehicleRecord) packedValues() uint64 { return uint64(r.v1)<<32 | uint64(r.v0) }

func (r *vehicleRecord) isFree() bool { return r.lo0|r.lo1 == 0 }

func (r *vehicleRecord) hasPlate(k plateKey) bool {
	return r.lo0 == uint32(k.lo) && r.lo1 == uint32(k.lo>>32) && r.key&0xffff == k.hi
}

// unpackVehicle unpacks the record; massLow holds the reference mass's low bits.
func (r *vehicleRecord) unpackVehicle(massLow uint32) schemas.Vehicle {
	w := r.packedValues()
	return schemas.Vehicle{
		Country:           countryOfCode(r.countryBits()),
		Category:          schemas.Category(w & 31),
		Fuel:              schemas.Fuel(w >> fuelShift & 7),
		Euro:              schemas.Euro(w >> euroShift & 15),
		Oldtimer:          w>>oldtimerShift&1 != 0,
		Class:             schemas.N1Class(r.key >> classShift & 3),
		Body:              schemas.Body(r.key >> bodyShift & 3),
		ReferenceMass:     uint16(r.key>>massShift<<massLowBits | massLow),
		FirstRegistration: optionalOfCode(w >> firstShift),
		ValidFrom:         dayOfCode(w >> fromShift),
		ValidTo:           optionalOfCode(w >> toShift),
	}
}

func (r *vehicleRecord) coversDay(day schemas.Day) bool {
	w := r.packedValues()
	to := optionalOfCode(w >> toShift)
	return day >= dayOfCode(w>>fromShift) && (to == 0 || day < to)
}

func (r *vehicleRecord) overlapsPeriod(v *schemas.Vehicle) bool {
	w := r.packedValues()
	from, to := dayOfCode(w>>fromShift), optionalOfCode(w>>toShift)
	return (to == 0 || v.ValidFrom < to) && (v.ValidTo == 0 || from < v.ValidTo)
}
