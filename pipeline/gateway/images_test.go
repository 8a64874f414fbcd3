package gateway

import (
	"bytes"
	"testing"

	"github.com/gvc-brussels/anpr/pipeline/platform/images"
	"github.com/gvc-brussels/anpr/schemas/proto/anprv1"
)

func newStore(t testing.TB) *images.Dir {
	t.Helper()
	s, err := images.OpenDir(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestTheBestPictureIsTheSceneNotThePlate(t *testing.T) {
	pic := func(name string, n int) Image { return Image{name, append(bytes.Clone(jpeg), make([]byte, n)...)} }
	ev := &CameraEvent{Images: []Image{pic("licensePlatePicture.jpg", 500), pic("vehiclePicture.jpg", 10), {"x", []byte("no picture")}, pic("detectionPicture.jpg", 100), pic("huge", 5000)}}
	var got []string
	for _, img := range ev.pickImages(2, 1000) {
		got = append(got, img.Name)
	}
	if len(got) != 2 || got[0] != "detectionPicture.jpg" || got[1] != "vehiclePicture.jpg" {
		t.Errorf("got %v, want the larger scene, then the smaller", got)
	}
	if len(ev.Notices) != 1 || ev.Notices[0] != NoticeImage {
		t.Errorf("got notes %v, want %s", ev.Notices, NoticeImage)
	}
}

// Who decides a case must know which picture shows the place and which the plate alone, whatever the camera's make.
func TestEveryPictureHasARole(t *testing.T) {
	pic := func(name string, n int) Image { return Image{name, append(bytes.Clone(jpeg), make([]byte, n)...)} }
	for _, c := range []struct {
		named string // by the upload itself
		sums  int
		names []string
		want  string
	}{
		{names: []string{"licensePlatePicture.jpg", "detectionPicture.jpg"}, want: "scene,plate"},
		{names: []string{"detectionPicture.jpg detectionPicture.jpg", "vehiclePicture.jpg", "licensePlatePicture.jpg"}, want: "scene,other,plate"},
		{names: []string{"detectionPicture1.jpg", "detectionPicture2.jpg"}, want: "scene,second"},
		{names: []string{"overview", "vehicle_crop", "plate_crop"}, want: "scene,other,plate"},
		{names: []string{"context", "plate"}, want: "scene,plate"},
		{names: []string{"plate"}, want: "plate"},
		{names: []string{""}, want: "scene"},
		{names: []string{"", ""}, want: "scene,other"},
		{names: []string{"image"}, named: "scene", sums: 1, want: "scene,other"},
		{names: []string{"detectionPicture.jpg"}, named: "plate", sums: 1, want: "plate,scene"},
		{names: []string{"plate"}, sums: 1, want: "scene,plate"},
		{named: "scene,plate", sums: 2, want: "scene,plate"},
	} {
		ev := &CameraEvent{Read: &anprv1.PlateRead{ImageKinds: c.named}}
		for i, name := range c.names {
			ev.Images = append(ev.Images, pic(name, 100-i))
		}
		for i := range c.sums {
			if sum := bytes.Repeat([]byte{byte(i + 1)}, 32); i == 0 {
				ev.Read.ImageSha256 = sum
			} else {
				ev.Read.MoreImagesSha256 = append(ev.Read.MoreImagesSha256, sum)
			}
		}
		if got := kindsWith(ev.Read, ev.pickImages(maxImages+1, 1000)); got != c.want {
			t.Errorf("%v with %q of %d: got %q, want %q", c.names, c.named, c.sums, got, c.want)
		}
	}
}

func TestRolesThatFitNoPictureAreRefused(t *testing.T) {
	sum := bytes.Repeat([]byte{1}, 32)
	for kinds, refused := range map[string]bool{"": false, "scene": false, "scene,plate": false, "scene,plate,other": true, "scenery": true, "scene,": true, "scene, plate": true, ",": true} {
		ev := &CameraEvent{Read: &anprv1.PlateRead{ImageSha256: sum, MoreImagesSha256: [][]byte{sum}, ImageKinds: kinds}}
		if checkKinds(ev, ev.Read); (ev.Err != nil) != refused {
			t.Errorf("%q: got %v, refused %v", kinds, ev.Err, refused)
		}
	}
}
