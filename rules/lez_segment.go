package rules

import "github.com/gvc-brussels/anpr/schemas"

// segment is a row in the admission table: a category, or a part with separate norms. Since 2025 vans are split by
// class, and N2 lorries by reference mass (decree of 25/01/2018 as amended 30/06/2022).
type segment uint8

// The segments. Unsplit categories keep their order.
const (
	segNone segment = iota
	segM1
	segM2
	segM3
	segN1Class1
	segN1Class2
	segN1Class3
	segN1Tractor // bodywork BC
	segN2Light
	segN2Heavy
	segN3
	segL1
	segL2
	segL3
	segL4
	segL5
	segL6
	segL7
	segO
	segT
	segmentEnd
)

// maxSegments bounds the possible segments for a vehicle with unknown data.
const maxSegments = 6

var segmentNames = [segmentEnd]string{
	"none", "M1", "M2", "M3", "N1-1", "N1-2", "N1-3", "N1-BC", "N2-light", "N2-heavy", "N3",
	"L1", "L2", "L3", "L4", "L5", "L6", "L7", "O", "T",
}

func (s segment) String() string { return segmentNames[s] }

// parseSegments reads a word in the catalogue: a segment, or N1 or N2 for all their segments.
func parseSegments(word string) []segment {
	switch word {
	case "N1":
		return []segment{segN1Class1, segN1Class2, segN1Class3}
	case "N2":
		return []segment{segN2Light, segN2Heavy}
	}
	for s := segM1; s < segmentEnd; s++ {
		if segmentNames[s] == word {
			return []segment{s}
		}
	}
	return nil
}

// massClasses are the limits between classes by reference mass, in kg. Each limit belongs to the lower class.
type massClasses struct {
	n1Class1, n1Class2, n2Light uint16
}

// segmentsOf lists the possible segments for a vehicle. There are several when the register has neither class nor
// mass, or when class and mass contradict each other.
func segmentsOf(v *schemas.Vehicle, m *massClasses) (out [maxSegments]segment, n int) {
	switch v.Category {
	case schemas.N1:
		return n1Segments(v, m)
	case schemas.N2:
		switch {
		case v.ReferenceMass == 0 || m == nil:
			return [maxSegments]segment{segN2Light, segN2Heavy}, 2
		case v.ReferenceMass <= m.n2Light:
			return oneSegment(segN2Light)
		default:
			return oneSegment(segN2Heavy)
		}
	case schemas.CategoryUnknown:
		return out, 0
	case schemas.M1, schemas.M2, schemas.M3:
		return oneSegment(segM1 + segment(v.Category-schemas.M1))
	default:
		return oneSegment(segN3 + segment(v.Category-schemas.N3))
	}
}

func oneSegment(s segment) ([maxSegments]segment, int) { return [maxSegments]segment{s}, 1 }

func n1Segments(v *schemas.Vehicle, m *massClasses) (out [maxSegments]segment, n int) {
	if v.Body == schemas.BodyTractor {
		return oneSegment(segN1Tractor)
	}
	class := v.Class
	if v.ReferenceMass != 0 && m != nil {
		byMass := schemas.N1Class3
		switch {
		case v.ReferenceMass <= m.n1Class1:
			byMass = schemas.N1Class1
		case v.ReferenceMass <= m.n1Class2:
			byMass = schemas.N1Class2
		}
		if class == schemas.N1ClassUnknown {
			class = byMass
		} else if class != byMass {
			class = schemas.N1ClassUnknown
		}
	}
	if class == schemas.N1ClassUnknown {
		return [maxSegments]segment{segN1Class1, segN1Class2, segN1Class3}, 3
	}
	return oneSegment(segN1Class1 + segment(class-schemas.N1Class1))
}

// declaredSegments are the possible segments for a foreign vehicle whose owner declared no category.
var declaredSegments = [maxSegments]segment{segM1, segM2, segM3, segN1Class1, segN1Class2, segN1Class3}
