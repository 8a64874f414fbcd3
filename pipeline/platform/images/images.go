// Package images keeps pictures by their SHA-256: in a directory, or in a store that speaks the S3 protocol.
//
// Both kinds have the same names (ab/cd/abcd... in hexadecimal), so a directory can be copied into a bucket and back
// with any tool. A picture never changes: Put writes it once, Get checks it against its sum before anybody sees a byte.
package images

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"path"
	"strings"
	"time"

	"github.com/gvc-brussels/anpr/schemas"
)

// MaxPicture bounds a picture in a store, in bytes. Get refuses a larger one without reading it.
const MaxPicture = 16 << 20

// ErrDamaged is the error of Get for bytes that are not those of the sum.
var ErrDamaged = errors.New("the picture is damaged in the store; restore it from a backup")

// Stored is a picture that a store has.
type Stored struct {
	Sum    schemas.Sum
	Bytes  int64
	Stored time.Time // when it was stored first
}

// Store keeps pictures. All methods are safe for concurrent use, by several processes too.
type Store interface {
	// Put returns only when the picture is durable; a repetition mends a damaged picture and changes nothing else. An error is transient: send again.
	Put(ctx context.Context, data []byte) (schemas.Sum, error)
	// Get returns a picture, checked against the sum. The error is fs.ErrNotExist for an unknown picture and ErrDamaged
	// for other bytes under the name; any other error is transient.
	Get(ctx context.Context, sum schemas.Sum) ([]byte, error)
	// Delete removes a picture. An unknown picture is no error.
	Delete(ctx context.Context, sum schemas.Sum) error
	// List calls f with every picture whose sum begins with the byte, in the order of the sums, until f returns an error.
	// A picture stored or deleted meanwhile may be missing.
	List(ctx context.Context, first byte, f func(Stored) error) error
	// Check reports whether a picture could be stored now.
	Check(ctx context.Context) error
}

// Config names a store.
type Config struct {
	// Address is a directory, or s3://HOST[:PORT]/BUCKET[/PREFIX] with the options region=NAME and tls=off.
	Address   string
	KeyID     string // of the S3 account
	SecretKey string
}

// scheme begins the address of an S3 store.
const scheme = "s3://"

// IsRemote reports whether an address names an S3 store, not a directory.
func IsRemote(address string) bool { return strings.HasPrefix(address, scheme) }

// Open opens the store of an address; a directory is made. An S3 store need not answer yet: Check tells.
func Open(c Config) (Store, error) {
	if c.Address == "" {
		return nil, errors.New("the image store has no address; name a directory, or s3://HOST/BUCKET")
	}
	if IsRemote(c.Address) {
		return openS3(c)
	}
	return OpenDir(c.Address)
}

// nameOf returns the name of a picture in every store, with slashes.
func nameOf(sum schemas.Sum) string {
	name := hex.EncodeToString(sum[:])
	return path.Join(name[:2], name[2:4], name)
}

// parseName is the inverse of nameOf for the last element of a name.
func parseName(name string) (sum schemas.Sum, ok bool) {
	if len(name) != 2*len(sum) || strings.ToLower(name) != name {
		return sum, false
	}
	_, err := hex.Decode(sum[:], []byte(name))
	return sum, err == nil
}

// tooLarge is the error of Get for a picture beyond MaxPicture.
func tooLarge(bytes int64) error {
	return fmt.Errorf("a picture of %d bytes, at most %d are served: %w", bytes, MaxPicture, ErrDamaged)
}
