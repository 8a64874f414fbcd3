package main

import (
	"context"
	"errors"
	"os"

	"github.com/rs/zerolog"

	"github.com/gvc-brussels/anpr/cmd/flags"
	"github.com/gvc-brussels/anpr/pipeline/roles"
)

type upCmd struct {
	flags.MachineFlags
}

// Run works until Ctrl-C.
func (c *upCmd) Run(ctx context.Context, log zerolog.Logger) error {
	c.Data = flags.PathUnder(c.Data, ".", "anpr-data")
	cfg, err := c.Config(log, os.Stderr)
	if err != nil {
		return err
	}
	m, err := roles.StartMachine(ctx, cfg)
	if err != nil {
		return err
	}
	m.WriteBanner(os.Stdout)
	err = m.Wait(ctx)
	return errors.Join(err, m.Stop(ctx))
}
