package embedded

import (
	"errors"
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// dieWithParent cannot ask the kernel for anything here: the child ends when its standard input is closed.
func dieWithParent(syscall.Signal) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}

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

// confinementSupport says that this system confines nothing.
func confinementSupport() (files, network bool) { return false, false }

func confineProcess(confinement) error { return nil }
