package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/rs/zerolog"

	"github.com/gvc-brussels/anpr/pipeline/platform"
)

// engineServeCmd is the broker and the database of one machine without the roles, which then run as processes of their own: a
// harness can stop, kill or measure each of them.
type engineServeCmd struct {
	engineFlags
	kafkaFlags
	clickhouseFlags
}

// Run works until the context ends.
func (c *engineServeCmd) Run(ctx context.Context, log zerolog.Logger) (err error) {
	c.Data = under(c.Data, ".", "anpr-data")
	c.Backups = under(c.Backups, c.Data, "backups")
	s := newStack(stackFlags{engineFlags: c.engineFlags, kafkaFlags: c.kafkaFlags, clickhouseFlags: c.clickhouseFlags}, log, platform.NewOps())
	defer func() { err = errors.Join(err, s.stop()) }()
	if err := portsTaken(s.probe(ctx)); err != nil {
		return err
	}
	if err := s.startEngines(ctx, os.Stderr); err != nil {
		return err
	}
	if err := s.publish(); err != nil {
		return err
	}
	f := s.flags
	fmt.Printf("engine is up: kafka %s, clickhouse %s native, HTTP %q, version %s; `anpr ROLE --data %s` finds addresses and passwords\n",
		f.KafkaAddr, f.ClickhouseAddr, f.ClickhouseHTTP, s.database.Current().Version(), f.Data)
	select {
	case <-ctx.Done():
		return nil
	case err := <-s.database.Dead():
		return err
	}
}
