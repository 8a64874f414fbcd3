package main

import (
	"cmp"
	"context"
	"errors"
	"net"

	"github.com/rs/zerolog"

	"github.com/gvc-brussels/anpr/cmd/flags"
	"github.com/gvc-brussels/anpr/pipeline/platform"
)

// role is a job that runs until stopped.
type role interface {
	Stop(ctx context.Context) error
}

// port is where a role listens; the zero value is nowhere.
type port struct{ name, addr, flag string }

// runRole opens the ports of a role, starts the role, and stops it when the context ends or when the role ends by
// itself.
func runRole(ctx context.Context, f *flags.OpsFlags, at port, log zerolog.Logger, start func(*platform.Ops, net.Listener) (role, error)) (err error) {
	parts := platform.Parts{Log: log}
	defer func() { err = errors.Join(err, parts.Stop(ctx)) }()
	o := platform.NewOps()
	ln, err := platform.Listen(ctx, "ops", cmp.Or(f.OpsAddr, flags.DefaultOps), "--ops-addr")
	if err != nil {
		return err
	}
	parts.Push("ops", platform.Serve("ops", ln, o.GuardedHandler(f.Access()), 0, log).Stop)
	if ln = nil; at.name != "" {
		if ln, err = platform.Listen(ctx, at.name, at.addr, at.flag); err != nil {
			return err
		}
		own := ln
		parts.Push(at.name+" port", func(context.Context) error {
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
	parts.Push(cmp.Or(at.name, "role"), r.Stop)
	if at.name != "" {
		log.Info().Str("addr", ln.Addr().String()).Msg(at.name + " is up")
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
