package bench

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// DataDir returns the default directory of log and tables: a file system in memory with at least 4 GiB free, else the
// temporary directory. In memory the figures describe the pipeline and not the disk of the machine.
func DataDir() string {
	var s syscall.Statfs_t
	const shm, need = "/dev/shm", 4 << 30
	if err := syscall.Statfs(shm, &s); err == nil && uint64(s.Bsize)*s.Bavail >= need { //nolint:gosec // a block size is positive
		if dir, err := os.MkdirTemp(shm, "anpr-"); err == nil {
			_ = os.Remove(dir)
			return shm
		}
	}
	return filepath.Clean(os.TempDir())
}

// FileSystem returns the name of a directory's file system. The cost for a ClickHouse part and for an fsync depends on
// the file system.
func FileSystem(dir string) string {
	var s syscall.Statfs_t
	if err := syscall.Statfs(dir, &s); err != nil {
		return "unknown"
	}
	if name, ok := map[int64]string{0x01021994: "tmpfs", 0xef53: "ext4", 0x58465342: "xfs", 0x9123683e: "btrfs", 0x794c7630: "overlayfs"}[int64(s.Type)]; ok { //nolint:unconvert // 32 bits elsewhere
		return name
	}
	return fmt.Sprintf("file system %#x", s.Type)
}
