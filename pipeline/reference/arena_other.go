//go:build !unix

package reference

import (
	"io"
	"os"
)

func newArena(n int) (*arena, error) { return &arena{b: make([]byte, n)}, nil }

// mapFile reads a whole file.
func mapFile(f *os.File, size int) (*arena, error) {
	b := make([]byte, size)
	if _, err := io.ReadFull(f, b); err != nil {
		return nil, err
	}
	return &arena{b: b}, nil
}
