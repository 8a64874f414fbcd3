package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/rs/zerolog"

	"github.com/gvc-brussels/anpr/cmd/flags"
	"github.com/gvc-brussels/anpr/pipeline/roles"
)

// engineServeCmd runs the broker and the databases of a machine without the roles, which then run as separate
// processes: a harness can stop, kill or measure each of them.
type engineServeCmd struct {
	flags.EngineFlags
	flags.KafkaFlags
	flags.ClickHouseFlags
}

// Run works until the context ends.
func (c *engineServeCmd) Run(ctx context.Context, log zerolog.Logger) (err error) {
	cfg, err := c.enginesConfig(log)
	if err != nil {
		return err
	}
	e, err := roles.StartEngines(ctx, cfg)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, e.Stop(ctx)) }()
	f := e.Config
	fmt.Printf("engine is up: kafka %s, clickhouse %s native, HTTP %q, version %s, postgres %s, version %s; `anpr ROLE --data %s` finds addresses and passwords\n",
		f.KafkaAddr, f.ClickHouseAddr, f.ClickHouseHTTP, e.Database.Current().Version(), f.PostgresAddr, e.Postgres.Current().Version(), f.Data)
	select {
	case <-ctx.Done():
		return nil
	case err := <-e.Dead():
		return err
	}
}

// enginesConfig returns the configuration of the engines, with the ports that they have under `anpr up`.
func (c *engineServeCmd) enginesConfig(log zerolog.Logger) (roles.EnginesConfig, error) {
	c.Data = flags.PathUnder(c.Data, ".", "anpr-data")
	c.FillEnginePorts(&c.KafkaFlags, &c.ClickHouseFlags)
	return c.Engines(&c.KafkaFlags, &c.ClickHouseFlags, log, os.Stderr)
}
