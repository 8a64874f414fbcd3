package embedded

import (
	"errors"
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// dieWithParent does nothing here, because the kernel has no such request: the child ends when standard input
// closes.
func dieWithParent(syscall.Signal) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}

// runAs makes a child run under a user id.
func runAs(attr *syscall.SysProcAttr, uid uint32, _ bool) {
	attr.Credential = &syscall.Credential{Uid: uid, Gid: uid}
}

// descriptorPath is the path itself here: every directory above must let the user pass.
func descriptorPath(_ int, path string) string { return path }

// On this system the program does not ask for the open files of a process. An error names a leftover server, and a
// person ends the server.
func parentOf(int) int { return 0 }

func hasOpen(int, os.FileInfo) (has, known bool) { return false, false }

func worksIn(int, os.FileInfo) (works, known bool) { return false, false }

func isUserIDBusy(uint32) bool { return false }

func physicalMemory() (int64, error) {
	n, err := unix.SysctlUint64("hw.memsize")
	if err != nil {
		return 0, fmt.Errorf("ask the kernel for the memory size: %w", err)
	}
	return int64(n), nil
}

// openTerminal is not needed here: no engine library is pinned for this system, and a server binary needs no terminal.
func openTerminal() (master, slave *os.File, err error) {
	return nil, nil, errors.ErrUnsupported
}

// confinementSupport reports no support on this system.
func confinementSupport() (files, network bool) { return false, false }

func confineProcess(confinement) error { return nil }
