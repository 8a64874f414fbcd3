package schemas

// PastPassage is a closed passage as the memory of a partition keeps it for families that compare passages. It says what the best read of the
// passage says, holds no pointer and has at most 96 bytes.
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
	Parked     bool  // the vehicle stood in view
}
