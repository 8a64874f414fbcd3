package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/gvc-brussels/anpr/bench"
)

const cityDescription = `Writes a seeded sample city as reference data. No camera, vehicle or person in it is real.`

// cityCmd is anprload city.
type cityCmd struct {
	Out      string `help:"Directory to write to; it must be empty or not there." required:"" type:"path"`
	Missing  bool   `help:"Leave a directory that has cameras.yaml as it is, instead of refusing it."`
	Seed     uint64 `help:"Same seed, same city." default:"1"`
	Cameras  int    `help:"Fixed cameras." default:"450"`
	Vehicles int    `help:"Vehicles." default:"200000"`
}

// Run writes a made-up city.
func (c *cityCmd) Run(_ context.Context, log io.Writer) error {
	if c.Missing {
		if _, err := os.Stat(filepath.Join(c.Out, "cameras.yaml")); !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	if err := bench.WriteNewCity(c.Out, bench.CityConfig{Seed: c.Seed, Signs: true, Cameras: c.Cameras, Vehicles: c.Vehicles}); err != nil {
		return err
	}
	_, err := fmt.Fprintf(log, "wrote a made-up city (seed %d) to %s: no camera, vehicle or person in it is real\n", c.Seed, c.Out)
	return err
}
