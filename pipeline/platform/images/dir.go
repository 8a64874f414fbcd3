package images

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/gvc-brussels/anpr/pipeline/platform/durable"
	"github.com/gvc-brussels/anpr/schemas"
)

// Dir is a store in a directory. A picture is written beside its place, synced, then renamed, so a file under a final
// name is whole.
type Dir struct{ root string }

var _ Store = (*Dir)(nil)

const temporary = ".tmp-"

// OpenDir opens or makes the directory and removes the remains of writes interrupted over an hour ago.
func OpenDir(root string) (*Dir, error) {
	if err := os.MkdirAll(root, 0o750); err != nil {
		return nil, fmt.Errorf("make image directory: %w", err)
	}
	left, err := filepath.Glob(filepath.Join(root, temporary+"*"))
	if err != nil {
		return nil, fmt.Errorf("look for unfinished images: %w", err)
	}
	for _, name := range left {
		if st, err := os.Stat(name); err != nil || time.Since(st.ModTime()) < time.Hour {
			continue // another process writes it
		}
		if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("remove unfinished image: %w", err)
		}
	}
	return &Dir{root}, nil
}

// PathOf returns the file of a picture, whether it is there or not.
func (d *Dir) PathOf(sum schemas.Sum) string {
	return filepath.Join(d.root, filepath.FromSlash(nameOf(sum)))
}

// Put implements Store. A cancelled context stops it before the write.
func (d *Dir) Put(ctx context.Context, data []byte) (schemas.Sum, error) {
	sum := schemas.Sum(sha256.Sum256(data))
	if err := ctx.Err(); err != nil {
		return sum, err
	}
	file := d.PathOf(sum)
	dir := filepath.Dir(file)
	if _, err := d.Get(ctx, sum); err == nil { // there and not damaged
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

// Check implements Store: the directory can be written and the disk has room.
func (d *Dir) Check(ctx context.Context) error {
	if err := CheckRoom(ctx, d.root, 1<<20); err != nil {
		return fmt.Errorf("image directory %w", err)
	}
	return nil
}

// syncNames makes the names down to dir durable; directories without changes cost little.
func (d *Dir) syncNames(dir string) error {
	for _, name := range []string{dir, filepath.Dir(dir), d.root} {
		if err := durable.SyncDir(name); err != nil {
			return fmt.Errorf("sync image directory: %w", err)
		}
	}
	return nil
}

// Get implements Store.
func (d *Dir) Get(ctx context.Context, sum schemas.Sum) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	file := d.PathOf(sum)
	st, err := os.Stat(file)
	if err != nil {
		return nil, fmt.Errorf("read image: %w", err)
	}
	if st.Size() > MaxPicture {
		return nil, tooLarge(st.Size())
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read image: %w", err)
	}
	if sha256.Sum256(data) != sum {
		return nil, fmt.Errorf("image %x: %w", sum[:8], ErrDamaged)
	}
	return data, nil
}

// Delete implements Store. Directories that become empty stay.
func (d *Dir) Delete(ctx context.Context, sum schemas.Sum) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	file := d.PathOf(sum)
	if err := os.Remove(file); errors.Is(err, fs.ErrNotExist) {
		return nil
	} else if err != nil {
		return fmt.Errorf("delete image: %w", err)
	}
	return durable.SyncDir(filepath.Dir(file))
}

// List implements Store.
func (d *Dir) List(ctx context.Context, first byte, f func(Stored) error) error {
	top := filepath.Join(d.root, fmt.Sprintf("%02x", first))
	err := filepath.WalkDir(top, func(file string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return errors.Join(err, ctx.Err())
		}
		sum, ok := parseName(e.Name())
		if !ok || d.PathOf(sum) != file {
			return ctx.Err() // not a picture of ours
		}
		info, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil // deleted meanwhile
		}
		if err != nil {
			return err
		}
		return f(Stored{sum, info.Size(), info.ModTime()})
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
