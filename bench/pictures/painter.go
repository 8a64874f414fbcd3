package pictures

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/jpeg"
	"math/rand/v2"

	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/gomono"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"

	"github.com/gvc-brussels/anpr/schemas"
)

// quality of the JPEGs: a scene has about 30 kB.
const quality = 75

// keptBackgrounds bounds the memory of a painter: 2 MB each.
const keptBackgrounds = 24

// Painter draws pictures. It is for one goroutine.
type Painter struct {
	block, label, onPlate, onCrop font.Face
	backgrounds                   map[place]*image.RGBA
	order                         []place // of backgrounds, oldest first
	canvas                        *image.RGBA
}

// place is a background: a camera by day or by night.
type place struct {
	camera string
	night  bool
}

// NewPainter makes a painter.
func NewPainter() (*Painter, error) {
	p := &Painter{backgrounds: map[place]*image.RGBA{}, canvas: image.NewRGBA(image.Rect(0, 0, SceneWidth, SceneHeight))}
	for _, f := range []struct {
		face *font.Face
		ttf  []byte
		size float64
	}{{&p.block, gomono.TTF, 15}, {&p.label, gobold.TTF, 110}, {&p.onPlate, gobold.TTF, 24}, {&p.onCrop, gobold.TTF, 48}} {
		parsed, err := opentype.Parse(f.ttf)
		if err != nil {
			return nil, fmt.Errorf("read the font of made-up pictures: %w", err)
		}
		if *f.face, err = opentype.NewFace(parsed, &opentype.FaceOptions{Size: f.size, DPI: 72, Hinting: font.HintingFull}); err != nil {
			return nil, fmt.Errorf("size the font of made-up pictures: %w", err)
		}
	}
	return p, nil
}

// DrawScene draws the whole place, as a JPEG.
func (p *Painter) DrawScene(s *Scene) ([]byte, error) {
	r := rand.New(rand.NewPCG(s.Seed, 1)) //nolint:gosec // repeatable on purpose
	draw.Draw(p.canvas, p.canvas.Bounds(), p.backgroundOf(s), image.Point{}, draw.Src)
	x := SceneWidth/2 - 60 + r.IntN(120)
	if s.Find == TwoVehicles {
		x = SceneWidth/2 - 190
		other := *s
		other.Plate, other.Country, other.Kind = secondPlate(r), schemas.Belgium, schemas.KindCar
		p.drawVehicle(&other, SceneWidth/2+190, r)
	}
	p.drawVehicle(s, x, r)
	p.drawLabel()
	p.drawBlock(s)
	return encode(p.canvas)
}

// DrawPlate draws the plate alone, at its own size, as a JPEG.
func (p *Painter) DrawPlate(s *Scene) ([]byte, error) {
	r := rand.New(rand.NewPCG(s.Seed, 2)) //nolint:gosec // repeatable on purpose
	img := image.NewRGBA(image.Rect(0, 0, PlateWidth, PlateHeight))
	fill(img, img.Bounds(), color.RGBA{45, 48, 52, 255})
	plate := p.plateOf(s, p.onCrop, 78)
	at := image.Pt((PlateWidth-plate.Bounds().Dx())/2, (PlateHeight-plate.Bounds().Dy())/2)
	draw.Draw(img, plate.Bounds().Add(at), plate, image.Point{}, draw.Src)
	if s.Find == NotLegible {
		smear(img, plate.Bounds().Add(at), r)
	}
	drawText(img, p.block, Label, 4, PlateHeight-3, color.NRGBA{255, 255, 255, 200})
	return encode(img)
}

// encode writes a JPEG whose comment is the label.
func encode(img image.Image) ([]byte, error) {
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, &jpeg.Options{Quality: quality}); err != nil {
		return nil, fmt.Errorf("encode a made-up picture: %w", err)
	}
	comment := []byte{0xff, 0xfe, 0, byte(2 + len(Label))}
	out := make([]byte, 0, b.Len()+len(comment)+len(Label))
	out = append(out, b.Bytes()[:2]...) // the start of the image
	out = append(append(out, comment...), Label...)
	return append(out, b.Bytes()[2:]...), nil
}

func fill(img draw.Image, r image.Rectangle, c color.Color) {
	draw.Draw(img, r, image.NewUniform(c), image.Point{}, draw.Over)
}

// fillBetween fills the area between two heights whose edges run straight from the upper to the lower ends.
func fillBetween(img *image.RGBA, top, bottom int, left, right [2]int, c color.RGBA) {
	for y := max(top, 0); y < min(bottom, img.Rect.Max.Y); y++ {
		part, whole := y-top, max(bottom-top, 1)
		from := max(left[0]+(left[1]-left[0])*part/whole, 0)
		to := min(right[0]+(right[1]-right[0])*part/whole, img.Rect.Max.X)
		for x := from; x < to; x++ {
			img.SetRGBA(x, y, c)
		}
	}
}

func drawText(img draw.Image, face font.Face, text string, x, y int, c color.Color) {
	d := font.Drawer{Dst: img, Src: image.NewUniform(c), Face: face, Dot: fixed.P(x, y)}
	d.DrawString(text)
}

// widthOf returns the width of a text in pixels.
func widthOf(face font.Face, text string) int { return font.MeasureString(face, text).Ceil() }

func (p *Painter) drawLabel() {
	drawText(p.canvas, p.label, Label, (SceneWidth-widthOf(p.label, Label))/2, 190, color.NRGBA{255, 255, 255, 70})
}

// drawBlock writes what the camera says about its picture, in two lines.
func (p *Painter) drawBlock(s *Scene) {
	first, second := BlockOf(s)
	fill(p.canvas, image.Rect(0, SceneHeight-44, SceneWidth, SceneHeight), color.RGBA{0, 0, 0, 255})
	drawText(p.canvas, p.block, first, 8, SceneHeight-26, color.RGBA{255, 255, 255, 255})
	drawText(p.canvas, p.block, second, 8, SceneHeight-8, color.RGBA{255, 255, 255, 255})
}

// BlockOf returns the two lines of the data block.
func BlockOf(s *Scene) (first, second string) {
	at, speed := s.At, s.Speed
	if s.Find == BlockDisagrees {
		at -= 47 * schemas.Minute
		if speed != 0 {
			speed -= 90
		}
	}
	first = fmt.Sprintf("%s  %s  %s  %s", Label, s.Camera, s.Site, s.Street.Text(""))
	second = fmt.Sprintf("%s  lane %d %s", at.Local().Format("2006-01-02 15:04:05.000 -07:00"), s.Lane, s.Direction)
	if speed != 0 {
		second += fmt.Sprintf("  %d.%d km/h", speed/10, speed%10)
	}
	if s.Limit != 0 {
		second += fmt.Sprintf("  limit %d", s.Limit/10)
	}
	if s.Device != "" {
		second += "  " + s.Device
	}
	return clip(first), clip(second)
}

// blockColumns is the number of characters that fit into a line of the block.
const blockColumns = 104

func clip(s string) string {
	if r := []rune(s); len(r) > blockColumns {
		return string(r[:blockColumns])
	}
	return s
}
