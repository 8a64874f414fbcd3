package gateway

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	jpegformat "image/jpeg"
	pngformat "image/png"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/gvc-brussels/anpr/schemas"
)

// maxImages bounds the pictures kept for a read beside the best picture.
const maxImages = schemas.MaxMoreImages

// ImageStore keeps pictures by their SHA-256. Put returns only when the picture is durable; a repetition changes
// nothing. An error is transient: the camera sends the upload again. Safe for concurrent use.
type ImageStore interface {
	Put(ctx context.Context, data []byte) (schemas.Sum, error)
}

// DirStore is an ImageStore in a directory: root/ab/cd/abcd... in hexadecimal. A picture is written beside its place,
// synced, then renamed, so a file under a final name is whole.
type DirStore struct{ root string }

var _ ImageStore = (*DirStore)(nil)

const temporary = ".tmp-"

// NewDirStore opens or makes the directory and removes the remains of writes interrupted over an hour ago.
func NewDirStore(root string) (*DirStore, error) {
	if err := os.MkdirAll(root, 0o750); err != nil {
		return nil, fmt.Errorf("make image directory: %w", err)
	}
	left, err := filepath.Glob(filepath.Join(root, temporary+"*"))
	if err != nil {
		return nil, fmt.Errorf("look for unfinished images: %w", err)
	}
	for _, name := range left {
		if st, err := os.Stat(name); err != nil || time.Since(st.ModTime()) < time.Hour {
			continue // being written by another gateway
		}
		if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("remove unfinished image: %w", err)
		}
	}
	return &DirStore{root}, nil
}

func (d *DirStore) pathsOf(sum schemas.Sum) (dir, file string) {
	name := hex.EncodeToString(sum[:])
	dir = filepath.Join(d.root, name[:2], name[2:4])
	return dir, filepath.Join(dir, name)
}

// Put implements ImageStore. A cancelled context stops it before the write.
func (d *DirStore) Put(ctx context.Context, data []byte) (schemas.Sum, error) {
	sum := schemas.Sum(sha256.Sum256(data))
	if err := ctx.Err(); err != nil {
		return sum, err
	}
	dir, file := d.pathsOf(sum)
	if st, err := os.Stat(file); err == nil && st.Size() == int64(len(data)) {
		return sum, d.syncNames(dir)
	}
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return sum, fmt.Errorf("make image directory: %w", err)
	}
	tmp, err := os.CreateTemp(d.root, temporary)
	if err != nil {
		return sum, fmt.Errorf("create image: %w", err)
	}
	_, err = tmp.Write(data)
	if err == nil {
		err = tmp.Sync()
	}
	if err = errors.Join(err, tmp.Close()); err == nil {
		err = os.Rename(tmp.Name(), file)
	}
	if err != nil {
		return sum, errors.Join(fmt.Errorf("write image: %w", err), os.Remove(tmp.Name()))
	}
	return sum, d.syncNames(dir)
}

// Check reports whether a picture could be stored now: the directory can be written and the disk has room.
func (d *DirStore) Check(ctx context.Context) error {
	if err := CheckRoom(ctx, d.root, 1<<20); err != nil {
		return fmt.Errorf("image directory %w", err)
	}
	return nil
}

// CheckRoom reports whether a directory can be written and has room for so many bytes, by writing and removing them.
func CheckRoom(ctx context.Context, dir string, bytes int) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, temporary)
	if err != nil {
		return fmt.Errorf("%s cannot be written; free space or fix its permissions: %w", dir, err)
	}
	_, err = f.Write(make([]byte, bytes))
	if err = errors.Join(err, f.Close(), os.Remove(f.Name())); err != nil {
		return fmt.Errorf("%s cannot be written; free space or fix its permissions: %w", dir, err)
	}
	return nil
}

// syncNames makes the names down to dir durable; directories without changes cost little.
func (d *DirStore) syncNames(dir string) error {
	for _, name := range []string{dir, filepath.Dir(dir), d.root} {
		if err := syncDir(name); err != nil {
			return fmt.Errorf("sync image directory: %w", err)
		}
	}
	return nil
}

func syncDir(name string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// Get returns a picture, checked against the sum. For an unknown picture the error is fs.ErrNotExist.
func (d *DirStore) Get(ctx context.Context, sum schemas.Sum) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	_, file := d.pathsOf(sum)
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read image: %w", err)
	}
	if sha256.Sum256(data) != sum {
		return nil, fmt.Errorf("image %x is damaged in the store; restore it from a backup", sum[:8])
	}
	return data, nil
}

// looksLikeImage tells pictures from documents by how they begin.
func looksLikeImage(b []byte) bool {
	return bytes.HasPrefix(b, []byte{0xFF, 0xD8}) || bytes.HasPrefix(b, []byte(pngMagic))
}

const pngMagic = "\x89PNG\r\n\x1a\n"

// isPicture reports whether bytes are a picture: the header can be decoded, or a camera's JPEG beginning precedes
// damaged data. A picture cut off on the line is still evidence. Other bytes behind the magic number are no picture.
func isPicture(b []byte) bool {
	if bytes.HasPrefix(b, []byte(pngMagic)) {
		c, err := pngformat.DecodeConfig(bytes.NewReader(b))
		return err == nil && c.Width > 0 && c.Height > 0
	}
	if len(b) > 10 && bytes.HasPrefix(b, []byte{0xFF, 0xD8, 0xFF}) {
		switch string(b[6:10]) {
		case "JFIF", "JFXX":
			return b[3] == 0xE0
		case "Exif":
			return b[3] == 0xE1
		}
	}
	c, err := jpegformat.DecodeConfig(bytes.NewReader(b))
	return err == nil && c.Width > 0 && c.Height > 0
}

// pickImages drops pictures that are damaged, too large or too many, and sorts the best first. The whole scene goes
// before the vehicle, the vehicle before the plate, then the larger picture before the smaller.
func (ev *CameraEvent) pickImages(most int, bound int64) []Image {
	var out []Image
	for _, img := range ev.Images {
		if int64(len(img.Data)) <= bound && isPicture(img.Data) {
			out = append(out, img)
		} else {
			ev.addNotice(NoticeImage)
		}
	}
	slices.SortStableFunc(out, func(a, b Image) int {
		return cmp.Or(cmp.Compare(imageRank(a.Name), imageRank(b.Name)), cmp.Compare(len(b.Data), len(a.Data)))
	})
	if len(out) > most {
		ev.addNotice(NoticeImage)
		out = out[:most]
	}
	return out
}

// imageRank orders pictures by the subject in their names: scene or no subject, vehicle, plate.
func imageRank(name string) int {
	name = strings.ToLower(name)
	switch {
	case strings.Contains(name, "plate"), strings.Contains(name, "lp_"), strings.HasSuffix(name, "lp.jpg"),
		strings.HasSuffix(name, "lp"):
		return 2
	case strings.Contains(name, "vehicle"), strings.Contains(name, "crop"):
		return 1
	}
	return 0
}
