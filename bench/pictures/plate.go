package pictures

import (
	"image"
	"image/color"
	"math/rand/v2"
	"strings"

	"golang.org/x/image/font"

	"github.com/gvc-brussels/anpr/schemas"
)

// look is how a country's plates look.
type look struct {
	ground, text color.RGBA
	band         bool // the blue field with the country's letters
	between      string
}

var (
	white  = color.RGBA{250, 250, 248, 255}
	yellow = color.RGBA{250, 205, 40, 255}
	black  = color.RGBA{15, 15, 15, 255}
	red    = color.RGBA{150, 20, 35, 255}
	blue   = color.RGBA{20, 50, 150, 255}
)

// lookOf returns the look of a country: Belgian plates are red on white, Dutch ones yellow.
func lookOf(c schemas.Country) look {
	switch c.String() {
	case "BE":
		return look{white, red, true, "-"}
	case "NL":
		return look{yellow, black, true, "-"}
	case "FR":
		return look{white, black, true, "-"}
	case "LU":
		return look{yellow, black, true, " "}
	case "GB":
		return look{white, black, false, " "}
	}
	return look{white, black, true, " "}
}

// bandLetters are the letters in the blue field, where they are not those of the ISO code.
var bandLetters = map[string]string{"BE": "B", "FR": "F", "DE": "D", "LU": "L"}

// GroupPlate writes a canonical plate in groups, as it hangs on the vehicle: 1-ABC-123.
func GroupPlate(c schemas.Country, plate string) string {
	between := lookOf(c).between
	var b strings.Builder
	for i := range len(plate) {
		if i > 0 && isDigit(plate[i]) != isDigit(plate[i-1]) && plate[i] != '-' && plate[i-1] != '-' {
			b.WriteString(between)
		}
		b.WriteByte(plate[i])
	}
	return b.String()
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// plateOf draws a plate of a height. The frame is as wide as its text needs.
func (p *Painter) plateOf(s *Scene, face font.Face, height int) *image.RGBA {
	l, text := lookOf(s.Country), GroupPlate(s.Country, s.Plate)
	margin, band := height/6, 0
	if l.band {
		band = height * 2 / 5
	}
	width := band + widthOf(face, text) + 2*margin
	img := image.NewRGBA(image.Rect(0, 0, width, height))
	fill(img, img.Bounds(), l.text)
	fill(img, img.Bounds().Inset(max(height/26, 1)), l.ground)
	if band > 0 {
		fill(img, image.Rect(0, 0, band, height), blue)
		letters := bandLetters[s.Country.String()]
		if letters == "" {
			letters = s.Country.String()
		}
		if height >= 60 {
			drawText(img, p.block, letters, (band-widthOf(p.block, letters))/2, height-10, white)
		}
	}
	capHeight := face.Metrics().CapHeight.Ceil()
	drawText(img, face, text, band+margin, (height+capHeight)/2, l.text)
	return img
}

// smear covers a plate so that nobody can read it.
func smear(img *image.RGBA, r image.Rectangle, rng *rand.Rand) {
	mud := color.RGBA{88, 76, 62, 255}
	fill(img, r.Inset(r.Dy()/12), mud)
	for range 90 {
		x, y := r.Min.X+rng.IntN(max(r.Dx(), 1)), r.Min.Y+rng.IntN(max(r.Dy(), 1))
		shade := uint8(60 + rng.IntN(70))
		fill(img, image.Rect(x, y, x+3+rng.IntN(9), y+2+rng.IntN(5)).Intersect(r), color.RGBA{shade, shade - 10, shade - 20, 255})
	}
}

// secondPlate draws the plate of a vehicle that is in the picture by chance. No vehicle of the city has the series.
func secondPlate(r *rand.Rand) string {
	b := []byte("7")
	for range 3 {
		b = append(b, "BCFHJKMNPRTVWX"[r.IntN(14)])
	}
	for range 3 {
		b = append(b, '0'+byte(r.IntN(10)))
	}
	return string(b)
}
