package schemas

import (
	"bytes"
	"cmp"
)

// PastPassage is a closed passage in the history, for rules that compare passages. The values come from the passage's
// best read. A PastPassage holds no pointer and takes at most 96 bytes.
type PastPassage struct {
	ID         PassageID
	Read       ReadID // best read, the source of the fields below
	Plate      Plate
	Site       uint64 // hash of the camera's site
	CapturedAt Micros
	Camera     uint32 // number
	Speed      Speed  // 0 = not measured
	Country    Country
	Confidence PerMille

	CountryConfidence PerMille
	Lane              uint8
	Direction         Direction
	Kind              VehicleKind
	Flags             Flags
	Variants          uint8 // number of different plates in the passage
}

// PastPassageOf returns a passage for the history. site and camera belong to the best read.
func PastPassageOf(p *Passage, site uint64, camera uint32) PastPassage {
	b := &p.Best
	return PastPassage{
		ID: p.ID, Read: b.Read, Plate: b.Plate, Site: site, CapturedAt: b.CapturedAt, Camera: camera, Speed: b.Speed, Country: b.Country,
		Confidence: b.Confidence, CountryConfidence: b.CountryConfidence, Lane: b.Lane, Direction: b.Direction, Kind: b.Kind, Flags: b.Flags,
		Variants: p.Variants,
	}
}

// ComparePastPassages orders by capture time and id.
func ComparePastPassages(a, b PastPassage) int {
	return cmp.Or(cmp.Compare(a.CapturedAt, b.CapturedAt), bytes.Compare(a.ID.ID[:], b.ID.ID[:]))
}
