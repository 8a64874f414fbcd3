package embedded

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// dieWithParent has the kernel kill the child when the thread that started the child ends. The caller keeps the
// thread.
func dieWithParent(sig syscall.Signal) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: sig, Setpgid: true}
}

// runAs makes a child run under a user id. ambient lets the child open every file nevertheless.
func runAs(attr *syscall.SysProcAttr, uid uint32, ambient bool) {
	attr.Credential = &syscall.Credential{Uid: uid, Gid: uid}
	if ambient {
		attr.AmbientCaps = []uintptr{unix.CAP_DAC_OVERRIDE}
	}
}

// descriptorPath is the path of an open directory for the process that has the descriptor. The path works even when
// directories above are closed.
func descriptorPath(fd int, _ string) string { return "/proc/self/fd/" + strconv.Itoa(fd) }

// parentOf returns the parent of a process, or 0.
func parentOf(pid int) int {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return 0
	}
	var state string
	var parent int
	_, after, _ := strings.Cut(string(text[bytes.LastIndexByte(text, ')')+1:]), " ") // a name may hold anything
	if _, err := fmt.Sscan(after, &state, &parent); err != nil {
		return 0
	}
	return parent
}

// hasOpen reports whether a process has a file open; known is false without the right to ask.
func hasOpen(pid int, file os.FileInfo) (has, known bool) {
	dir := "/proc/" + strconv.Itoa(pid) + "/fd"
	entries, err := os.ReadDir(dir)
	if err != nil {
		return false, errors.Is(err, os.ErrNotExist)
	}
	for _, e := range entries {
		if st, err := os.Stat(dir + "/" + e.Name()); err == nil && os.SameFile(st, file) {
			return true, true
		}
	}
	return false, true
}

// worksIn reports whether a directory is a process's working directory; known is false without the right to ask.
func worksIn(pid int, dir os.FileInfo) (works, known bool) {
	st, err := os.Stat("/proc/" + strconv.Itoa(pid) + "/cwd")
	if err != nil {
		return false, errors.Is(err, os.ErrNotExist)
	}
	return os.SameFile(st, dir), true
}

// isUserIDBusy reports whether a process runs under a user id.
func isUserIDBusy(uid uint32) bool {
	all, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return false
	}
	for _, p := range all {
		var st unix.Stat_t
		if unix.Stat(p, &st) == nil && st.Uid == uid {
			return true
		}
	}
	return false
}

func physicalMemory() (int64, error) {
	var si unix.Sysinfo_t
	if err := unix.Sysinfo(&si); err != nil {
		return 0, fmt.Errorf("ask the kernel for the memory size: %w", err)
	}
	return int64(si.Totalram * uint64(si.Unit)), nil
}

// openTerminal opens a pseudo-terminal that is nobody's controlling terminal.
func openTerminal() (master, slave *os.File, err error) {
	// Not non-blocking: closing the master must hang up the slave at once.
	fd, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("/dev/ptmx: %w", err)
	}
	master = os.NewFile(uintptr(fd), "/dev/ptmx")
	n, err := unix.IoctlGetUint32(fd, unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0)
	}
	if err == nil {
		slave, err = os.OpenFile("/dev/pts/"+strconv.Itoa(int(n)), os.O_RDWR|unix.O_NOCTTY, 0)
	}
	if err != nil {
		return nil, nil, errors.Join(err, master.Close())
	}
	return master, slave, nil
}
