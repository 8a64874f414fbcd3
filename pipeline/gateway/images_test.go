package gateway

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/gvc-brussels/anpr/schemas"
)

func newStore(t testing.TB) (*DirStore, string) {
	t.Helper()
	root := t.TempDir()
	s, err := NewDirStore(root)
	if err != nil {
		t.Fatal(err)
	}
	return s, root
}

func TestDirStoreKeepsEachPictureOnce(t *testing.T) {
	s, root := newStore(t)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if sum, err := s.Put(t.Context(), jpeg); err != nil || sum != sha256.Sum256(jpeg) {
				t.Errorf("put: got %x, %v", sum, err)
			}
		})
	}
	wg.Wait()
	var files []string
	err := filepath.WalkDir(root, func(p string, e fs.DirEntry, err error) error {
		if !e.IsDir() {
			files = append(files, p)
		}
		return err
	})
	if err != nil || len(files) != 1 || filepath.Dir(filepath.Dir(filepath.Dir(files[0]))) != root {
		t.Errorf("got %v, %v, want one file two levels down", files, err)
	}
	before, err := os.Stat(files[0])
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Put(t.Context(), jpeg); err != nil {
		t.Fatal(err)
	}
	if after, err := os.Stat(files[0]); err != nil || !os.SameFile(before, after) {
		t.Error("a picture that is there was written again")
	}
	if got, err := s.Get(t.Context(), sha256.Sum256(jpeg)); err != nil || !bytes.Equal(got, jpeg) {
		t.Errorf("get: got %q, %v", got, err)
	}
}

func TestDirStoreMendsATornPictureAndNamesADamagedOne(t *testing.T) {
	s, _ := newStore(t)
	sum, err := s.Put(t.Context(), jpeg)
	if err != nil {
		t.Fatal(err)
	}
	_, file := s.pathsOf(sum)
	if err := os.WriteFile(file, bytes.Repeat([]byte("x"), len(jpeg)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Get(t.Context(), sum); err == nil {
		t.Error("a damaged picture was returned")
	}
	if err := os.WriteFile(file, jpeg[:3], 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Put(t.Context(), jpeg); err != nil {
		t.Fatal(err)
	}
	if got, err := s.Get(t.Context(), sum); err != nil || !bytes.Equal(got, jpeg) {
		t.Errorf("after putting it again: got %q, %v", got, err)
	}
	if _, err := s.Get(t.Context(), schemas.Sum{1}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("an unknown picture: got %v, want fs.ErrNotExist", err)
	}
	done, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Put(done, []byte("other")); !errors.Is(err, context.Canceled) {
		t.Errorf("a done context: got %v", err)
	}
}

func TestDirStoreForgetsUnfinishedWrites(t *testing.T) {
	_, root := newStore(t)
	left := filepath.Join(root, temporary+"1")
	if err := os.WriteFile(left, jpeg, 0o600); err != nil {
		t.Fatal(err)
	}
	young := filepath.Join(root, temporary+"2")
	if err := errors.Join(os.WriteFile(young, jpeg, 0o600), os.Chtimes(left, time.Time{}, time.Now().Add(-2*time.Hour))); err != nil {
		t.Fatal(err)
	}
	if _, err := NewDirStore(root); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(young); err != nil {
		t.Errorf("a file another gateway may be writing: got %v, want it kept", err)
	}
	if _, err := os.Stat(left); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the unfinished file: got %v, want it gone", err)
	}
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
