// Package pictures draws made-up camera pictures, because nobody can decide a case without one.
//
// A [Painter] is pure: it reads no file and no clock, and what it draws follows from the [Scene]. No face, brand, badge
// or real street is drawn. Every picture says SYNTHETIC: across the scene, in the data block and in the JPEG comment.
// Bytes may differ between processor types, so pictures have properties and no golden sums.
package pictures

import "github.com/gvc-brussels/anpr/schemas"

// Sizes of the pictures, in pixels.
const (
	SceneWidth  = 960
	SceneHeight = 540
	PlateWidth  = 400
	PlateHeight = 100
)

// Label stands in every picture and in its JPEG comment.
const Label = "SYNTHETIC"

// Find is what a careful eye finds in a picture.
type Find uint8

// What there is to find. The scene shows it; the painter does not say it in words.
const (
	Nothing        Find = iota
	OtherLetter         // the plate differs from the read in one confusable character
	TwoVehicles         // a second vehicle stands beside the first
	NotLegible          // the plate cannot be read
	BlockDisagrees      // the data block names another time and another speed
	BlueLight           // a priority vehicle with its lights on
	OtherVehicle        // a vehicle of another kind than registered
	NoPicture           // no picture is stored
	DamagedFile         // the file is changed after it was stored
	finds
)

var findNames = [...]string{"nothing", "other_letter", "two_vehicles", "not_legible", "block_disagrees", "blue_light", "other_vehicle", "no_picture", "damaged_file"}

// String returns the name of a find.
func (f Find) String() string {
	if f >= finds {
		return "invalid"
	}
	return findNames[f]
}

// Scene is what a camera saw, and what its data block says.
type Scene struct {
	Seed         uint64 // draws what nothing else says, such as the light and the background of the place
	Camera, Site string
	Street       schemas.Street
	At           schemas.Micros
	Lane         uint8
	Direction    schemas.Direction
	Speed, Limit schemas.Speed // 0 = the block says none
	Device       string        // serial of the measuring device; "" = none

	Plate   string // as it hangs on the vehicle, canonical
	Country schemas.Country
	Kind    schemas.VehicleKind
	Colour  string
	Find    Find
}
