package pictures

import (
	"bytes"
	"image"
	"image/jpeg"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gvc-brussels/anpr/schemas"
)

func newPainter(tb testing.TB) *Painter {
	tb.Helper()
	p, err := NewPainter()
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

func sampleScene() *Scene {
	return &Scene{
		Seed: 7, Camera: "BRU-0001", Site: "S-0001", Street: schemas.Street{NL: "Kerkstraat", FR: "Rue de l'Église"},
		At: schemas.MicrosOf(time.Date(2026, 11, 28, 14, 3, 5, 120e6, time.UTC)), Lane: 1, Direction: schemas.Approaching, Speed: 530, Limit: 300, Device: "SN-400001",
		Plate: "1ABC123", Country: schemas.Belgium, Kind: schemas.KindCar, Colour: "blue",
	}
}

// save keeps a picture for a look, when the environment names a directory.
func save(t *testing.T, name string, data []byte) {
	if dir := os.Getenv("ANPR_PICTURES_DIR"); dir != "" {
		if err := os.WriteFile(filepath.Join(dir, name+".jpg"), data, 0o600); err != nil {
			t.Error(err)
		}
	}
}

func TestEveryPictureIsAJPEGOfItsSizeThatSaysItIsSynthetic(t *testing.T) {
	p := newPainter(t)
	for f := range finds {
		for _, kind := range []schemas.VehicleKind{schemas.KindUnknown, schemas.KindCar, schemas.KindVan, schemas.KindTruck, schemas.KindBus, schemas.KindMotorcycle} {
			s := sampleScene()
			s.Find, s.Kind = f, kind
			scene, err := p.DrawScene(s)
			if err != nil {
				t.Fatal(err)
			}
			plate, err := p.DrawPlate(s)
			if err != nil {
				t.Fatal(err)
			}
			for name, c := range map[string]struct {
				data []byte
				size image.Point
				most int
			}{"scene": {scene, image.Pt(SceneWidth, SceneHeight), 80_000}, "plate": {plate, image.Pt(PlateWidth, PlateHeight), 20_000}} {
				img, err := jpeg.Decode(bytes.NewReader(c.data))
				if err != nil || img.Bounds().Size() != c.size || len(c.data) > c.most {
					t.Errorf("%s of %s, %s: %v, %d bytes", name, kind, f, err, len(c.data))
				}
				if !bytes.HasPrefix(c.data, []byte("\xff\xd8\xff\xfe\x00\x0b"+Label)) {
					t.Errorf("%s of %s, %s: the comment is not %s", name, kind, f, Label)
				}
			}
			if kind == schemas.KindCar {
				save(t, f.String(), scene)
				save(t, f.String()+"-plate", plate)
			}
		}
	}
}

func TestTheSameSceneIsTheSamePicture(t *testing.T) {
	one, err := newPainter(t).DrawScene(sampleScene())
	if err != nil {
		t.Fatal(err)
	}
	p := newPainter(t)
	for i := range keptBackgrounds + 2 { // others in between, and backgrounds that had to go
		s := sampleScene()
		s.Camera, s.Site, s.Find = s.Camera+string(rune('a'+i)), s.Site+string(rune('a'+i)), Find(i%int(finds))
		if _, err := p.DrawScene(s); err != nil {
			t.Fatal(err)
		}
	}
	if two, err := p.DrawScene(sampleScene()); err != nil || !bytes.Equal(one, two) {
		t.Errorf("%d and %d bytes differ, %v", len(one), len(two), err)
	}
	if len(p.backgrounds) > keptBackgrounds {
		t.Errorf("%d backgrounds are kept, at most %d", len(p.backgrounds), keptBackgrounds)
	}
}

// A text wider than its frame would be a plate that nobody can read.
func TestEveryPlateFitsItsFrame(t *testing.T) {
	p := newPainter(t)
	for country, plates := range map[string][]string{
		"BE": {"1ABC123", "WWWWW9", "P1", "CDWW999"}, "NL": {"99WWW9"}, "FR": {"WW999WW"}, "DE": {"WES-WW999", "D-X9999"}, "LU": {"WW9999"}, "PL": {"WX99999"}, "GB": {"WW99WWW"},
	} {
		c, _ := schemas.CountryFrom(country)
		for _, text := range plates {
			s := sampleScene()
			s.Plate, s.Country = text, c
			img := p.plateOf(s, p.onCrop, 78)
			if img.Bounds().Dx() > PlateWidth {
				t.Errorf("%s %s: %d pixels wide, the picture has %d", country, text, img.Bounds().Dx(), PlateWidth)
			}
			l := lookOf(c)
			for y := img.Bounds().Dy() / 4; y < img.Bounds().Dy()*3/4; y++ { // a margin of the plate's ground at the right
				if got := img.RGBAAt(img.Bounds().Dx()-6, y); got != l.ground {
					t.Errorf("%s %s: the text touches the frame at height %d", country, text, y)
					break
				}
			}
		}
	}
	for plate, want := range map[string]string{"1ABC123": "1-ABC-123", "WES-XX99": "WES-XX-99"} {
		if got := GroupPlate(schemas.Belgium, plate); got != want {
			t.Errorf("%s: got %s, want %s", plate, got, want)
		}
	}
}

func TestTheBlockSaysWhereWhenAndHowFast(t *testing.T) {
	first, second := BlockOf(sampleScene())
	if first != "SYNTHETIC  BRU-0001  S-0001  Rue de l'Église / Kerkstraat" || second != "2026-11-28 15:03:05.120 +01:00  lane 1 approaching  53.0 km/h  limit 30  SN-400001" {
		t.Errorf("got\n%s\n%s", first, second)
	}
	s := sampleScene()
	s.Find, s.Street.FR = BlockDisagrees, strings.Repeat("Avenue ", 40)
	p := newPainter(t)
	first, second = BlockOf(s)
	if strings.Contains(second, "15:03:05") || strings.Contains(second, "53.0") {
		t.Errorf("a block that disagrees says %s", second)
	}
	for _, line := range []string{first, second} {
		if w := widthOf(p.block, line); w > SceneWidth-8 {
			t.Errorf("%q is %d pixels wide", line, w)
		}
	}
	s.Speed, s.Limit, s.Device = 0, 0, ""
	if _, second := BlockOf(s); strings.Contains(second, "km/h") || strings.Contains(second, "limit") {
		t.Errorf("without a measurement: %s", second)
	}
}

func BenchmarkScene(b *testing.B) {
	p, s := newPainter(b), sampleScene()
	for b.Loop() {
		if _, err := p.DrawScene(s); err != nil {
			b.Fatal(err)
		}
	}
}
