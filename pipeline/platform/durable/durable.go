// Package durable makes what was done to a directory outlive a loss of power.
package durable

import (
	"errors"
	"os"
)

// SyncDir waits until the names in a directory are on the disk: those of files made, renamed, linked and removed there.
func SyncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
