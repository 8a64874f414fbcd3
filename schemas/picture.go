package schemas

import "strings"

// PictureKind is the role of a picture in its upload.
type PictureKind string

// The roles.
const (
	PictureScene  PictureKind = "scene"  // the place, with the vehicle
	PicturePlate  PictureKind = "plate"  // the plate alone
	PictureSecond PictureKind = "second" // the place again: another moment or another camera
	PictureOther  PictureKind = "other"  // the vehicle alone, or what the camera does not say
)

// PictureKinds lists all roles.
func PictureKinds() []PictureKind {
	return []PictureKind{PictureScene, PicturePlate, PictureSecond, PictureOther}
}

// JoinPictureKinds writes roles in the order of their pictures, as reads carry them: at most [MaxText] bytes.
func JoinPictureKinds(kinds []PictureKind) string {
	var b strings.Builder
	for i, k := range kinds {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(string(k))
	}
	return b.String()
}

// PictureKindsOf reads the roles of n pictures from the text of a read. A picture of which nothing is said is the scene
// when it is the first, because the gateway puts the best picture first, and other otherwise.
func PictureKindsOf(text string, n int) []PictureKind {
	out := make([]PictureKind, 0, n)
	for i := range n {
		var word string
		word, text, _ = strings.Cut(text, ",")
		switch k := PictureKind(word); k {
		case PictureScene, PicturePlate, PictureSecond, PictureOther:
			out = append(out, k)
		default:
			if i == 0 && word == "" {
				out = append(out, PictureScene)
			} else {
				out = append(out, PictureOther)
			}
		}
	}
	return out
}

// PictureSet is a set of roles.
type PictureSet uint8

// Has reports whether the set has the role.
func (s PictureSet) Has(k PictureKind) bool { return s&setOfPicture(k) != 0 }

func setOfPicture(k PictureKind) PictureSet {
	switch k {
	case PictureScene:
		return 1 << 0
	case PicturePlate:
		return 1 << 1
	case PictureSecond:
		return 1 << 2
	default:
		return 1 << 3
	}
}

// PictureSetOf returns the roles of n pictures as [PictureKindsOf] reads them. PictureSetOf does not allocate.
func PictureSetOf(text string, n int) (out PictureSet) {
	for i := range n {
		var word string
		word, text, _ = strings.Cut(text, ",")
		if i == 0 && word == "" {
			word = string(PictureScene)
		}
		out |= setOfPicture(PictureKind(word))
	}
	return out
}
