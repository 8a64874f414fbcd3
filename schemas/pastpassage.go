package schemas

import (
	"bytes"
	"cmp"
)

// PastPassage is a closed passage as it is remembered for rules that compare passages. It says what the best read of
// the passage says, holds no pointer and has at most 96 bytes.
type PastPassage struct {
	ID         PassageID
	Read       ReadID // the best read, like all that follows
	Plate      Plate
	Site       uint64 // hash of the camera's site
	CapturedAt Micros
	Camera     uint32 // number
	Speed      Speed  // 0 = not measured
	Country    Country
	Confidence PerMille
	Lane       uint8
	Direction  Direction
	Flags      Flags
	Variants   uint8 // different plates that were read
}

// PastPassageOf returns what is remembered of a passage whose best read is of that site and camera.
func PastPassageOf(p *Passage, site uint64, camera uint32) PastPassage {
	b := &p.Best
	return PastPassage{
		ID: p.ID, Read: b.Read, Plate: b.Plate, Site: site, CapturedAt: b.CapturedAt, Camera: camera, Speed: b.Speed, Country: b.Country,
		Confidence: b.Confidence, Lane: b.Lane, Direction: b.Direction, Flags: b.Flags, Variants: p.Variants,
	}
}

// ComparePastPassages orders by capture time and id.
func ComparePastPassages(a, b PastPassage) int {
	return cmp.Or(cmp.Compare(a.CapturedAt, b.CapturedAt), bytes.Compare(a.ID.ID[:], b.ID.ID[:]))
}
