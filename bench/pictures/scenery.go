package pictures

import (
	"hash/fnv"
	"image"
	"image/color"
	"image/draw"
	"math/rand/v2"

	"github.com/gvc-brussels/anpr/schemas"
)

// horizon is the height where road and houses meet.
const horizon = 170

// backgroundOf returns the empty place before a camera, drawn once and kept.
func (p *Painter) backgroundOf(s *Scene) *image.RGBA {
	hour := s.At.Local().Hour()
	at := place{s.Camera, hour < 7 || hour >= 19}
	if img := p.backgrounds[at]; img != nil {
		return img
	}
	var img *image.RGBA
	if len(p.order) == keptBackgrounds {
		oldest := p.order[0]
		img = p.backgrounds[oldest]
		delete(p.backgrounds, oldest)
		p.order = append(p.order[:0], p.order[1:]...)
	} else {
		img = image.NewRGBA(image.Rect(0, 0, SceneWidth, SceneHeight))
	}
	drawBackground(img, s.Site, at.night)
	p.backgrounds[at], p.order = img, append(p.order, at)
	return img
}

// drawBackground draws sky, houses and road of a site. The same site looks the same.
func drawBackground(img *image.RGBA, site string, night bool) {
	h := fnv.New64a()
	_, _ = h.Write([]byte(site))
	r := rand.New(rand.NewPCG(h.Sum64(), 3)) //nolint:gosec // repeatable on purpose
	sky, road, kerb, line := color.RGBA{170, 195, 215, 255}, color.RGBA{92, 94, 98, 255}, color.RGBA{128, 124, 116, 255}, color.RGBA{225, 225, 220, 255}
	if night {
		sky, road, kerb, line = color.RGBA{18, 22, 34, 255}, color.RGBA{44, 46, 50, 255}, color.RGBA{60, 58, 54, 255}, color.RGBA{165, 165, 160, 255}
	}
	fill(img, image.Rect(0, 0, SceneWidth, horizon), sky)
	for x := 0; x < SceneWidth; {
		w, top := 50+r.IntN(90), 20+r.IntN(90)
		shade := uint8(95 + r.IntN(80))
		if night {
			shade /= 3
		}
		wall := color.RGBA{shade, shade - shade/8, shade - shade/5, 255}
		fill(img, image.Rect(x, top, x+w, horizon), wall)
		for wx := x + 8; wx+10 < x+w; wx += 20 {
			for wy := top + 12; wy+14 < horizon; wy += 26 {
				window := color.RGBA{shade / 2, shade / 2, shade/2 + 20, 255}
				if night && r.IntN(3) == 0 {
					window = color.RGBA{215, 190, 120, 255}
				}
				fill(img, image.Rect(wx, wy, wx+10, wy+14), window)
			}
		}
		x += w
	}
	fill(img, image.Rect(0, horizon, SceneWidth, SceneHeight), kerb)
	fillBetween(img, horizon, SceneHeight, [2]int{SceneWidth/2 - 130, -160}, [2]int{SceneWidth/2 + 130, SceneWidth + 160}, road)
	for _, side := range [2]int{-1, 1} {
		top, bottom := SceneWidth/2+side*45, SceneWidth/2+side*230
		for k := range 6 {
			y0, y1 := horizon+k*62, horizon+k*62+30
			x := func(y int) int { return top + (bottom-top)*(y-horizon)/(SceneHeight-horizon) }
			fillBetween(img, y0, y1, [2]int{x(y0) - 2, x(y1) - 3}, [2]int{x(y0) + 2, x(y1) + 3}, line)
		}
	}
}

// paints are the colours of vehicles by their names.
var paints = map[string]color.RGBA{
	"black": {32, 33, 36, 255}, "white": {228, 228, 224, 255}, "grey": {118, 120, 124, 255}, "blue": {34, 62, 124, 255}, "silver": {176, 180, 186, 255},
	"red": {152, 28, 32, 255}, "green": {38, 92, 58, 255}, "brown": {98, 70, 46, 255},
}

// shape is the outline of a kind of vehicle, in pixels.
type shape struct{ width, height, roof, glass int }

var shapes = map[schemas.VehicleKind]shape{
	schemas.KindCar: {260, 190, 180, 64}, schemas.KindVan: {280, 260, 240, 84}, schemas.KindTruck: {330, 330, 320, 90},
	schemas.KindBus: {340, 330, 330, 130}, schemas.KindMotorcycle: {150, 190, 70, 40}, schemas.KindUnknown: {260, 190, 180, 64},
}

// shownKind is the kind that the picture shows.
func (s *Scene) shownKind() schemas.VehicleKind {
	if s.Find != OtherVehicle {
		return s.Kind
	}
	if s.Kind == schemas.KindTruck {
		return schemas.KindMotorcycle
	}
	return schemas.KindTruck
}

// drawVehicle draws front or rear of a vehicle with its plate, standing at x.
func (p *Painter) drawVehicle(s *Scene, x int, r *rand.Rand) {
	f, ground := shapes[s.shownKind()], SceneHeight-62
	body, known := paints[s.Colour]
	if !known {
		body = paints["grey"]
	}
	top := ground - f.height
	left, right := x-f.width/2, x+f.width/2
	fillBetween(p.canvas, ground-26, ground+8, [2]int{left + 8, left + 10}, [2]int{left + 50, left + 48}, black)
	fillBetween(p.canvas, ground-26, ground+8, [2]int{right - 50, right - 48}, [2]int{right - 8, right - 10}, black)
	shoulder := top + f.height*2/5
	fillBetween(p.canvas, top, shoulder, [2]int{x - f.roof/2, left}, [2]int{x + f.roof/2, right}, body)
	fillBetween(p.canvas, shoulder, ground, [2]int{left, left + 6}, [2]int{right, right - 6}, body)
	glass := color.RGBA{40, 52, 64, 255}
	fillBetween(p.canvas, top+10, min(top+10+f.glass, shoulder+f.glass/2), [2]int{x - f.roof/2 + 12, left + 24}, [2]int{x + f.roof/2 - 12, right - 24}, glass)
	lamp := color.RGBA{245, 240, 205, 255}
	if s.Direction == schemas.Departing {
		lamp = color.RGBA{205, 24, 24, 255}
	}
	fill(p.canvas, image.Rect(left+10, ground-86, left+54, ground-62), lamp)
	fill(p.canvas, image.Rect(right-54, ground-86, right-10, ground-62), lamp)
	if s.Find == BlueLight {
		fill(p.canvas, image.Rect(x-f.roof/2+8, top-16, x+f.roof/2-8, top), color.RGBA{30, 80, 250, 255})
		fill(p.canvas, image.Rect(x-14, top-16, x+14, top), white)
		fill(p.canvas, image.Rect(left+4, shoulder+14, right-4, shoulder+28), color.RGBA{240, 140, 20, 255})
	}
	plate := p.plateOf(s, p.onPlate, 34)
	at := image.Pt(x-plate.Bounds().Dx()/2, ground-46)
	draw.Draw(p.canvas, plate.Bounds().Add(at), plate, image.Point{}, draw.Src)
	if s.Find == NotLegible {
		smear(p.canvas, plate.Bounds().Add(at), r)
	}
}
