package gateway

import (
	"bytes"
	"testing"

	"github.com/gvc-brussels/anpr/pipeline/platform/images"
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
