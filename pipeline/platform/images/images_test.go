package images

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gvc-brussels/anpr/schemas"
)

var jpeg = []byte("\xff\xd8\xff\xe0\x00\x10JFIF\x00 a picture of a test \xff\xd9")

func openDir(t testing.TB) (*Dir, string) {
	t.Helper()
	root := t.TempDir()
	s, err := OpenDir(root)
	if err != nil {
		t.Fatal(err)
	}
	return s, root
}

// spoil puts other bytes under a sum, behind the store's back.
type spoil func(t *testing.T, sum schemas.Sum, data []byte)

// checkStore holds any kind of store to what Store promises.
func checkStore(t *testing.T, s Store, change spoil) {
	ctx := t.Context()
	if err := s.Check(ctx); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if sum, err := s.Put(ctx, jpeg); err != nil || sum != sha256.Sum256(jpeg) {
				t.Errorf("put: got %x, %v", sum, err)
			}
		})
	}
	wg.Wait()
	sum := schemas.Sum(sha256.Sum256(jpeg))
	if got, err := s.Get(ctx, sum); err != nil || !bytes.Equal(got, jpeg) {
		t.Errorf("get: got %q, %v", got, err)
	}
	big := bytes.Repeat([]byte("a large picture "), 1<<16) // 1 MiB
	bigSum, err := s.Put(ctx, big)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := s.Get(ctx, bigSum); err != nil || !bytes.Equal(got, big) {
		t.Errorf("get a large picture: %d bytes, %v", len(got), err)
	}
	if _, err := s.Get(ctx, schemas.Sum{1}); !errors.Is(err, fs.ErrNotExist) || errors.Is(err, ErrDamaged) {
		t.Errorf("an unknown picture: got %v, want fs.ErrNotExist", err)
	}
	for name, data := range map[string][]byte{"one bit": flipBit(jpeg), "torn": jpeg[:3], "empty": {}, "other": []byte("<html>")} {
		change(t, sum, data)
		if got, err := s.Get(ctx, sum); !errors.Is(err, ErrDamaged) || got != nil {
			t.Errorf("%s: got %d bytes, %v; want ErrDamaged", name, len(got), err)
		}
		if _, err := s.Put(ctx, jpeg); err != nil { // mends
			t.Errorf("%s: put again: %v", name, err)
		}
		if got, err := s.Get(ctx, sum); err != nil || !bytes.Equal(got, jpeg) {
			t.Errorf("%s: after putting it again: got %q, %v", name, got, err)
		}
	}
	checkList(t, s, sum, bigSum)
	done, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := s.Put(done, []byte("other")); !errors.Is(err, context.Canceled) {
		t.Errorf("a done context: got %v", err)
	}
}

// checkList lists, deletes and lists again.
func checkList(t *testing.T, s Store, sums ...schemas.Sum) {
	list := func(first byte) (out []schemas.Sum) {
		err := s.List(t.Context(), first, func(p Stored) error {
			if p.Bytes == 0 || time.Since(p.Stored).Abs() > time.Hour {
				t.Errorf("%+v: want its size and the time it was stored", p)
			}
			out = append(out, p.Sum)
			return nil
		})
		if err != nil {
			t.Errorf("list %02x: %v", first, err)
		}
		return out
	}
	var all []schemas.Sum
	for first := range 256 {
		all = append(all, list(byte(first))...)
	}
	slices.SortFunc(sums, func(a, b schemas.Sum) int { return bytes.Compare(a[:], b[:]) })
	if !slices.Equal(all, sums) {
		t.Errorf("listed %x, want %x", all, sums)
	}
	stop := errors.New("stop")
	if err := s.List(t.Context(), sums[0][0], func(Stored) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("a list that is stopped: got %v", err)
	}
	for range 2 { // the second time it is gone already
		if err := s.Delete(t.Context(), sums[0]); err != nil {
			t.Errorf("delete: %v", err)
		}
	}
	if slices.Contains(list(sums[0][0]), sums[0]) {
		t.Error("a deleted picture is listed")
	}
	if _, err := s.Get(t.Context(), sums[0]); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a deleted picture: got %v", err)
	}
}

func flipBit(b []byte) []byte {
	out := bytes.Clone(b)
	out[len(out)/2] ^= 1
	return out
}

func TestADirectoryKeepsPictures(t *testing.T) {
	s, root := openDir(t)
	if err := errors.Join(os.MkdirAll(filepath.Join(root, "ab", "cd"), 0o750), os.WriteFile(filepath.Join(root, "ab", "cd", "notes.txt"), jpeg, 0o600)); err != nil {
		t.Fatal(err)
	}
	checkStore(t, s, func(t *testing.T, sum schemas.Sum, data []byte) {
		if err := os.WriteFile(s.PathOf(sum), data, 0o600); err != nil {
			t.Fatal(err)
		}
	})
}

func TestADirectoryKeepsEachPictureOnce(t *testing.T) {
	s, root := openDir(t)
	for range 3 {
		if _, err := s.Put(t.Context(), jpeg); err != nil {
			t.Fatal(err)
		}
	}
	file := s.PathOf(sha256.Sum256(jpeg))
	before, err := os.Stat(file)
	if err != nil || filepath.Dir(filepath.Dir(filepath.Dir(file))) != root {
		t.Fatalf("%s: %v, want a file two levels down", file, err)
	}
	if _, err := s.Put(t.Context(), jpeg); err != nil {
		t.Fatal(err)
	}
	if after, err := os.Stat(file); err != nil || !os.SameFile(before, after) {
		t.Error("a picture that is there was written again")
	}
}

func TestADirectoryForgetsUnfinishedWrites(t *testing.T) {
	_, root := openDir(t)
	left, young := filepath.Join(root, temporary+"1"), filepath.Join(root, temporary+"2")
	err := errors.Join(os.WriteFile(left, jpeg, 0o600), os.WriteFile(young, jpeg, 0o600), os.Chtimes(left, time.Time{}, time.Now().Add(-2*time.Hour)))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := OpenDir(root); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(young); err != nil {
		t.Errorf("a file another process may be writing: got %v, want it kept", err)
	}
	if _, err := os.Stat(left); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the unfinished file: got %v, want it gone", err)
	}
}

func TestAnOversizedPictureIsNotReadWhole(t *testing.T) {
	s, _ := openDir(t)
	sum, err := s.Put(t.Context(), jpeg)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(s.PathOf(sum), MaxPicture+1); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Get(t.Context(), sum); !errors.Is(err, ErrDamaged) {
		t.Errorf("got %v, want ErrDamaged", err)
	}
}

func TestAnAddressThatNamesNoStoreIsRefusedWithItsCure(t *testing.T) {
	keys := Config{KeyID: "key", SecretKey: "secret of the key"}
	for address, want := range map[string]string{
		"":                            "no address",
		"s3://":                       "s3://HOST[:PORT]/BUCKET",
		"s3:///bucket":                "s3://HOST[:PORT]/BUCKET",
		"s3://host":                   "names no bucket",
		"s3://host/":                  "names no bucket",
		"s3://key:secret@host/bucket": "keys do not stand in it",
		"s3://host/bucket?tls=maybe":  "region=NAME and tls=off",
		"s3://host/bucket?acl=public": "region=NAME and tls=off",
		"s3://host/bucket?region=":    "region=NAME and tls=off",
		"s3://host:no/bucket":         "s3://HOST[:PORT]/BUCKET",
		"s3://host/bucket#there":      "s3://HOST[:PORT]/BUCKET",
		"s3://host/bucket/%zz":        "s3://HOST[:PORT]/BUCKET",
		"s3://ho st/bucket":           "s3://HOST[:PORT]/BUCKET",
	} {
		c := keys
		c.Address = address
		_, err := Open(c)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret@") {
			t.Errorf("%s: got %v, want %q", address, err, want)
		}
	}
	if _, err := Open(Config{Address: "s3://host/bucket"}); err == nil || !strings.Contains(err.Error(), "needs a key") {
		t.Errorf("without keys: got %v", err)
	}
	c := keys
	c.Address = "s3://127.0.0.1:1/bucket/deep/prefix?region=eu-west-1&tls=off"
	s, err := Open(c)
	if err != nil {
		t.Fatal(err)
	}
	b, ok := s.(*bucket)
	if want := fmt.Sprintf("deep/prefix/01/00/01%062d", 0); !ok || b.name != "bucket" || b.keyOf(schemas.Sum{1}) != want {
		t.Errorf("got %+v with key %s, want %s", b, b.keyOf(schemas.Sum{1}), want)
	}
}
