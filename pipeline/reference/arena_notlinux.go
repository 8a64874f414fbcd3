//go:build unix && !linux

package reference

import "golang.org/x/sys/unix"

const adviceHugePage = unix.MADV_NORMAL
