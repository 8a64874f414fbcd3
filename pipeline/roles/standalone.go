package roles

import (
	"cmp"
	"context"
	"errors"
	"net"

	"github.com/rs/zerolog"

	"github.com/gvc-brussels/anpr/pipeline/platform"
)

// Role is a job that runs until Stop. A role with a method Done() <-chan struct{} may end by itself.
type Role interface {
	Stop(ctx context.Context) error
}

// Standalone configures a role that is a process of its own.
type Standalone struct {
	OpsAddr string // host:port of metrics and health
	Access  platform.OpsAccess
	Port    Port
}

// Port is the address where a role listens. The zero value opens none.
type Port struct{ Name, Addr, Flag string }

// RunStandalone opens the ports, starts the role, and stops the role when the context ends or the role ends by itself.
// Without a port, start gets no listener.
func RunStandalone(ctx context.Context, c Standalone, log zerolog.Logger, start func(*platform.Ops, net.Listener) (Role, error)) (err error) {
	parts := platform.Parts{Log: log}
	defer func() { err = errors.Join(err, parts.Stop(ctx)) }()
	o := platform.NewOps()
	ln, err := platform.Listen(ctx, "ops", c.OpsAddr, "--ops-addr")
	if err != nil {
		return err
	}
	parts.Push("ops", platform.Serve("ops", ln, o.GuardedHandler(c.Access), 0, log).Stop)
	if ln = nil; c.Port.Name != "" {
		if ln, err = platform.Listen(ctx, c.Port.Name, c.Port.Addr, c.Port.Flag); err != nil {
			return err
		}
		own := ln
		parts.Push(c.Port.Name+" port", func(context.Context) error {
			if err := own.Close(); !errors.Is(err, net.ErrClosed) {
				return err
			}
			return nil
		})
	}
	r, err := start(o, ln)
	if err != nil {
		return err
	}
	parts.Push(cmp.Or(c.Port.Name, "role"), r.Stop)
	if c.Port.Name != "" {
		log.Info().Str("addr", ln.Addr().String()).Msg(c.Port.Name + " is up")
	}
	var ended <-chan struct{}
	if w, ok := r.(interface{ Done() <-chan struct{} }); ok {
		ended = w.Done()
	}
	select {
	case <-ctx.Done():
	case <-ended:
	}
	return nil
}
