package embedded

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"

	"golang.org/x/sys/unix"
)

// claimPort checks that a listener can have the address, and resolves port 0 to a free port. The error names the part
// that needs the port (what) and the option that moves the part (flag). The port is free again when claimPort returns.
// If another process takes the port meanwhile, the caller's own listener reports the same error.
func claimPort(ctx context.Context, addr, what, flag string) (host string, port int, err error) {
	host, text, err := net.SplitHostPort(addr)
	if err != nil {
		return "", 0, fmt.Errorf("%s address %q (%s): %w; write host:port, for example 127.0.0.1:9000", what, addr, flag, err)
	}
	if _, err := strconv.ParseUint(text, 10, 16); err != nil {
		return "", 0, fmt.Errorf("%s address %q (%s): port %q is not a number from 0 to 65535", what, addr, flag, text)
	}
	if host == "" {
		return "", 0, fmt.Errorf("%s address %q (%s) names no host; write 127.0.0.1:%s, or the host to listen on", what, addr, flag, text)
	}
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", addr)
	if err != nil {
		return "", 0, portError(err, addr, what, flag)
	}
	port = l.Addr().(*net.TCPAddr).Port
	return host, port, l.Close()
}

// portError explains why no listener can have the address.
func portError(err error, addr, what, flag string) error {
	_, port, _ := net.SplitHostPort(addr)
	switch {
	case errors.Is(err, unix.EADDRINUSE):
		return fmt.Errorf("%s: port %s (%s) is in use by another program; stop it, or choose another port with %s: %w", what, port, addr, flag, err)
	case errors.Is(err, unix.EACCES):
		return fmt.Errorf("%s: port %s needs privileges this user does not have; choose one above 1023 with %s: %w", what, port, flag, err)
	default:
		return fmt.Errorf("%s: listen on %s (chosen with %s): %w", what, addr, flag, err)
	}
}
