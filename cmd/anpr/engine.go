package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/rs/zerolog"

	"github.com/gvc-brussels/anpr/cmd/flags"
	"github.com/gvc-brussels/anpr/pipeline/roles"
)

// engineServeCmd runs the broker and the database of a machine without the roles, which then run as separate
// processes: a harness can stop, kill or measure each of them.
type engineServeCmd struct {
	flags.EngineFlags
	flags.KafkaFlags
	flags.ClickHouseFlags
}

// Run works until the context ends.
func (c *engineServeCmd) Run(ctx context.Context, log zerolog.Logger) (err error) {
	c.Data = flags.PathUnder(c.Data, ".", "anpr-data")
	cfg, err := c.Engines(&c.KafkaFlags, &c.ClickHouseFlags, log, os.Stderr)
	if err != nil {
		return err
	}
	cfg.PostgresAddr = cmp.Or(c.PostgresAddr, flags.DefaultPostgres)
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
