//go:build faults && linux

package delivery

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gvc-brussels/anpr/pipeline/platform/embedded"
	"github.com/gvc-brussels/anpr/pipeline/testkit"
)

// smallDisk mounts a tmpfs with mib MiB and so many inodes. Without the right to mount the test is skipped, and
// the results name the skip instead of counting it as passed.
func smallDisk(t *testing.T, mib, inodes int) string {
	t.Helper()
	dir := t.TempDir()
	options := fmt.Sprintf("size=%dm,nr_inodes=%d", mib, inodes)
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, options); err != nil {
		notRun(t, "a small file system cannot be mounted (%v): run as root", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Errorf("unmount %s: %v", dir, err)
		}
	})
	return dir
}

// fill takes the room of a disk but for leave bytes, and returns a function that frees the room.
func fill(t *testing.T, dir, name string, leave uint64) (free func()) {
	t.Helper()
	path := filepath.Join(dir, name)
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	for block := make([]byte, 1<<20); len(block) > 0; {
		var fs syscall.Statfs_t
		if err := syscall.Statfs(dir, &fs); err != nil {
			t.Fatal(err)
		}
		if leave > 0 && fs.Bavail*uint64(fs.Bsize) <= leave {
			break
		}
		if _, err := f.Write(block); errors.Is(err, syscall.ENOSPC) {
			block = block[:len(block)/2]
		} else if err != nil {
			t.Fatal(err)
		}
	}
	return func() {
		if err := os.Remove(path); err != nil {
			t.Errorf("free the disk: %v", err)
		}
	}
}

// fillUp fills the disk as disks fill: first to what the engine keeps free, then, when it refuses inserts, to the
// last byte.
func (o *ownEngine) fillUp(ctx context.Context) func(*testing.T, string) (free func()) {
	return func(t *testing.T, dir string) func() {
		most := fill(t, dir, "ballast", embedded.KeepFree-16<<20)
		for began := time.Now(); time.Since(began) < patience && probe(ctx, o.addr) == nil; poll(ctx) {
		}
		rest := fill(t, dir, "ballast.rest", 0)
		return func() {
			rest()
			most()
		}
	}
}

// useInodes makes empty files until no more can be made, and returns what removes them.
func useInodes(t *testing.T, dir string) (free func()) {
	t.Helper()
	home := filepath.Join(dir, "ballast.d")
	if err := os.Mkdir(home, 0o750); err != nil {
		t.Fatal(err)
	}
	for i := 0; ; i++ {
		f, err := os.Create(filepath.Join(home, fmt.Sprint(i)))
		if errors.Is(err, syscall.ENOSPC) {
			break
		}
		if err := errors.Join(err, f.Close()); err != nil {
			t.Fatal(err)
		}
	}
	return func() {
		if err := os.RemoveAll(home); err != nil {
			t.Errorf("free the inodes: %v", err)
		}
	}
}

// TestTheDatabasesDiskIsFull fills the engine's disk to the last byte under load: inserts are refused, the log
// keeps the backlog, and when there is room again everything goes on by itself.
func TestTheDatabasesDiskIsFull(t *testing.T) {
	t.Parallel()
	dir := smallDisk(t, 400, 0)
	databaseFaultIn(t, dir, "F14 ClickHouse's disk full, freed again, twice", 2, func(ctx context.Context, e *ownEngine) {
		e.starve(ctx, t, e.fillUp(ctx))
	})
}

// TestTheDatabasesDiskHasNoInodes does the same with inodes.
func TestTheDatabasesDiskHasNoInodes(t *testing.T) {
	t.Parallel()
	dir := smallDisk(t, 400, 60_000)
	databaseFaultIn(t, dir, "F14 ClickHouse's disk without a free inode, freed again", 1, func(ctx context.Context, e *ownEngine) {
		e.starve(ctx, t, useInodes)
	})
}

// starve takes the room until an insert must have failed, and gives it back. An engine that ends for lack of room
// is started again, as `anpr up` does.
func (o *ownEngine) starve(ctx context.Context, t *testing.T, take func(*testing.T, string) func()) {
	t.Helper()
	free := take(t, o.dir)
	refused := false
	for began := time.Now(); !refused && time.Since(began) < patience; poll(ctx) {
		err := probe(ctx, o.addr)
		refused = err != nil
	}
	if !refused {
		t.Error("the engine wrote rows to a full disk")
	}
	pass(ctx, 5*time.Second)
	free()
	select {
	case <-o.Done():
		t.Logf("the engine ended itself over a full disk and is started again: %.200v", o.Err())
		o.ClickHouseEngine = startEngine(t, o.dir, o.addr, o.http)
	default:
	}
}

// TestAReadOnlyDirectoryIsRefusedAtTheStart: the engine names the option to change.
func TestAReadOnlyDirectoryIsRefusedAtTheStart(t *testing.T) {
	t.Parallel()
	dir := smallDisk(t, 50, 0)
	if err := syscall.Mount("", dir, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
		notRun(t, "a file system cannot be made read-only (%v): run as root", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	_, err := embedded.StartClickHouse(ctx, embedded.ClickHouseConfig{DataDir: dir, NativeAddr: "127.0.0.1:0", Users: testkit.HarnessUsers()})
	if err == nil || !strings.Contains(err.Error(), embedded.FlagDataDir) {
		t.Errorf("engine on a read-only disk: %v, want an error that names %s", err, embedded.FlagDataDir)
	}
	_, err = embedded.StartBroker(embedded.BrokerConfig{Addr: "127.0.0.1:0", DataDir: dir})
	if err == nil || !strings.Contains(err.Error(), embedded.FlagDataDir) {
		t.Errorf("broker on a read-only disk: %v, want an error that names %s", err, embedded.FlagDataDir)
	}
	noteOther(t, "F14 data directory on a read-only disk: refused at the start", 2)
}
