//go:build faults && linux

package gateway

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/gvc-brussels/anpr/pipeline/platform/images"
)

// tmpfs mounts a small file system. Without the right to mount the test fails and says so.
func tmpfs(t *testing.T, options string) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, options); err != nil {
		t.Fatalf("NOT RUN: a small file system cannot be mounted (%v): run as root", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Errorf("unmount %s: %v", dir, err)
		}
	})
	return dir
}

// remount changes a mounted file system.
func remount(t *testing.T, dir string, flags uintptr) {
	t.Helper()
	if err := syscall.Mount("", dir, "", syscall.MS_REMOUNT|flags, ""); err != nil {
		t.Fatalf("remount %s: %v", dir, err)
	}
}

// TestAnImageStoreThatCannotWriteRefusesUploads takes away the disk's room, its inodes, the right to write and the
// directory's own permission: uploads with a picture are refused with 503 so that the camera sends them again,
// readiness says why, nothing torn stays, nothing goes on the log; and when the disk is whole again the same uploads
// are taken, without anyone doing anything else.
func TestAnImageStoreThatCannotWriteRefusesUploads(t *testing.T) {
	for _, c := range []struct {
		name, options string
		begin         func(t *testing.T, dir string) (end func())
	}{
		{"disk full", "size=2m", func(t *testing.T, dir string) func() {
			path := filepath.Join(dir, "ballast")
			if err := os.WriteFile(path, make([]byte, 4<<20), 0o600); !errors.Is(err, syscall.ENOSPC) {
				t.Fatalf("fill the disk: %v, want no space left", err)
			}
			return func() { _ = os.Remove(path) }
		}},
		{"no inode left", "size=2m,nr_inodes=40", func(t *testing.T, dir string) func() {
			home := filepath.Join(dir, "ballast")
			if err := os.Mkdir(home, 0o750); err != nil {
				t.Fatal(err)
			}
			var err error
			for i := 0; err == nil; i++ {
				err = os.WriteFile(filepath.Join(home, fmt.Sprint(i)), nil, 0o600)
			}
			if !errors.Is(err, syscall.ENOSPC) {
				t.Fatalf("use up the inodes: %v, want no space left", err)
			}
			return func() { _ = os.RemoveAll(home) }
		}},
		{"read-only", "size=2m", func(t *testing.T, dir string) func() {
			remount(t, dir, syscall.MS_RDONLY)
			return func() { remount(t, dir, 0) }
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := tmpfs(t, c.options)
			store, err := images.OpenDir(dir)
			if err != nil {
				t.Fatal(err)
			}
			rg := newRig(t, func(cfg *Config) { cfg.Images = store })
			if err := store.Check(t.Context()); err != nil {
				t.Fatal("before: ", err)
			}
			end := c.begin(t, dir)
			picture := append(bytes.Clone(jpeg), bytes.Repeat([]byte("scene"), 2000)...)
			kind, body := multi(t, one{`name="a"`, "text/xml", load(t, "testdata/hikvision-isapi-v2.xml")},
				one{`name="detectionPicture.jpg"; filename="detectionPicture.jpg"`, "image/jpeg", picture})
			for range 3 {
				if res := rg.send("cam-1/hikvision", kind, body); res.code != http.StatusServiceUnavailable {
					t.Errorf("got %d, want 503", res.code)
				}
			}
			if err := store.Check(t.Context()); err == nil {
				t.Error("the store says that it can be written")
			}
			if n := len(rg.logged()); n != 0 {
				t.Errorf("%d records on the log of uploads that were refused", n)
			}
			end()
			if err := store.Check(t.Context()); err != nil {
				t.Error("after: ", err)
			}
			if res := rg.send("cam-1/hikvision", kind, body); res.code != http.StatusOK {
				t.Errorf("got %d, want 200 once the disk is whole", res.code)
			}
			only(t, rg)
			onlyWhole(t, store, dir)
		})
	}
}

// onlyWhole checks that every file of the store is a whole picture.
func onlyWhole(t *testing.T, store *images.Dir, dir string) {
	t.Helper()
	n := 0
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		n++
		text, err := os.ReadFile(path)
		if file := store.PathOf(sha(string(text))); file != path {
			t.Errorf("%s is torn or left over: %d bytes", path, len(text))
		}
		return err
	})
	if err != nil || n != 1 {
		t.Errorf("%d files in the store, %v; want the one picture", n, err)
	}
}
