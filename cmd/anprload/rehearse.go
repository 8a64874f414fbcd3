package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/gvc-brussels/anpr/cmd/anprload/rehearsal"
)

const rehearseDescription = `Rehearses a restore on this machine with made-up traffic: from the log, and from backup and log; timed and compared row for row.`

// rehearseCmd is anprload rehearse.
type rehearseCmd struct {
	logFlags
	Seconds int    `help:"Length of the traffic." default:"40"`
	Rate    int    `help:"Reads per second." default:"500"`
	Seed    uint64 `help:"Seed of the city and its traffic." default:"1"`
	Cache   string `help:"Directory the engine is downloaded to; empty = the user's cache." type:"path" env:"ANPR_CACHE"`
}

// Run rehearses in a temporary directory.
func (c *rehearseCmd) Run(ctx context.Context, _ io.Writer) (err error) {
	log, err := c.newLogger()
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "anpr-rehearsal-")
	if err != nil {
		return fmt.Errorf("make a directory for the rehearsal: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	h := &rehearsal.Rehearsal{Config: rehearsal.Config{Seconds: c.Seconds, Rate: c.Rate, Seed: c.Seed, Cache: c.Cache}, Out: os.Stdout, Log: log}
	defer func() { err = errors.Join(err, h.Close(ctx)) }()
	if err := h.Start(ctx, dir); err != nil {
		return err
	}
	return h.Run(ctx)
}
