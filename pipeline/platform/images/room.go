package images

import (
	"context"
	"errors"
	"fmt"
	"os"
)

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
