package embedded

import (
	"errors"
	"fmt"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Actions on files below a directory, in the words of the kernel's Landlock.
const (
	readFile = unix.LANDLOCK_ACCESS_FS_READ_FILE
	// all actions on a file itself
	onFile    = readFile | unix.LANDLOCK_ACCESS_FS_WRITE_FILE | unix.LANDLOCK_ACCESS_FS_TRUNCATE
	readBelow = readFile | unix.LANDLOCK_ACCESS_FS_READ_DIR
	makeBelow = onFile | unix.LANDLOCK_ACCESS_FS_READ_DIR | unix.LANDLOCK_ACCESS_FS_REMOVE_DIR | unix.LANDLOCK_ACCESS_FS_REMOVE_FILE |
		unix.LANDLOCK_ACCESS_FS_MAKE_DIR | unix.LANDLOCK_ACCESS_FS_MAKE_REG | unix.LANDLOCK_ACCESS_FS_MAKE_SYM | unix.LANDLOCK_ACCESS_FS_REFER
	fsVersion1 = unix.LANDLOCK_ACCESS_FS_EXECUTE | makeBelow&^(unix.LANDLOCK_ACCESS_FS_REFER|unix.LANDLOCK_ACCESS_FS_TRUNCATE) |
		unix.LANDLOCK_ACCESS_FS_MAKE_CHAR | unix.LANDLOCK_ACCESS_FS_MAKE_SOCK | unix.LANDLOCK_ACCESS_FS_MAKE_FIFO | unix.LANDLOCK_ACCESS_FS_MAKE_BLOCK

	ruleNetPort = 2 // LANDLOCK_RULE_NET_PORT
)

// confinementSupport reports the kernel's abilities: files from Linux 5.19 on, the network from 6.7 on.
func confinementSupport() (files, network bool) {
	version := landlockVersion()
	return version >= 2, version >= 4 // version 1 forbids moving a file between directories, as the engine does
}

func landlockVersion() int {
	v, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, unix.LANDLOCK_CREATE_RULESET_VERSION)
	if errno != 0 {
		return 0
	}
	return int(v)
}

// confineProcess restricts the calling thread and all descendant threads, for good, as far as the kernel can; see
// confinementSupport.
func confineProcess(c confinement) error {
	version := landlockVersion()
	if version < 2 {
		return nil
	}
	attr := unix.LandlockRulesetAttr{Handled_access_fs: fsVersion1 | unix.LANDLOCK_ACCESS_FS_REFER}
	size := unsafe.Sizeof(attr.Handled_access_fs)
	if version >= 3 {
		attr.Handled_access_fs |= unix.LANDLOCK_ACCESS_FS_TRUNCATE
	}
	if version >= 4 {
		attr.Handled_access_net = unix.LANDLOCK_ACCESS_NET_BIND_TCP | unix.LANDLOCK_ACCESS_NET_CONNECT_TCP
		size += unsafe.Sizeof(attr.Handled_access_net)
	}
	if version >= 6 {
		attr.Scoped = unix.LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET
		size += unsafe.Sizeof(attr.Scoped)
	}
	set, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, uintptr(unsafe.Pointer(&attr)), size, 0)
	if errno != 0 {
		return fmt.Errorf("confine: %w", errno)
	}
	defer func() { _ = unix.Close(int(set)) }()
	if err := allowPaths(int(set), attr, c); err != nil {
		return fmt.Errorf("confine: %w", err)
	}
	runtime.LockOSThread()
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("confine: %w", err)
	}
	if _, _, errno := unix.Syscall(unix.SYS_LANDLOCK_RESTRICT_SELF, set, 0, 0); errno != 0 {
		return fmt.Errorf("confine: %w", errno)
	}
	return nil
}

func allowPaths(set int, attr unix.LandlockRulesetAttr, c confinement) error {
	for _, path := range c.Write {
		if err := allowBelow(set, path, makeBelow&attr.Handled_access_fs); err != nil {
			return err
		}
	}
	for _, path := range c.Read {
		if err := allowBelow(set, path, readBelow); err != nil && !errors.Is(err, unix.ENOENT) && !errors.Is(err, unix.EACCES) {
			return err // a missing path needs no right
		}
	}
	if attr.Handled_access_net == 0 {
		return nil
	}
	for _, port := range c.Bind {
		if err := allowPort(set, port, unix.LANDLOCK_ACCESS_NET_BIND_TCP); err != nil {
			return err
		}
	}
	for _, port := range c.Connect {
		if err := allowPort(set, port, unix.LANDLOCK_ACCESS_NET_CONNECT_TCP); err != nil {
			return err
		}
	}
	return nil
}

func allowBelow(set int, path string, access uint64) error {
	fd, err := unix.Open(path, unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	defer func() { _ = unix.Close(fd) }()
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if st.Mode&unix.S_IFMT != unix.S_IFDIR {
		access &= onFile
	}
	rule := unix.LandlockPathBeneathAttr{Allowed_access: access, Parent_fd: int32(fd)}
	return addRule(set, unix.LANDLOCK_RULE_PATH_BENEATH, unsafe.Pointer(&rule), path)
}

func allowPort(set int, port uint16, access uint64) error {
	rule := struct{ access, port uint64 }{access, uint64(port)}
	return addRule(set, ruleNetPort, unsafe.Pointer(&rule), fmt.Sprint("port ", port))
}

func addRule(set int, kind uintptr, rule unsafe.Pointer, what string) error {
	if _, _, errno := unix.Syscall6(unix.SYS_LANDLOCK_ADD_RULE, uintptr(set), kind, uintptr(rule), 0, 0, 0); errno != 0 {
		return fmt.Errorf("%s: %w", what, errno)
	}
	return nil
}
