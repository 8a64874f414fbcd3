package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/rs/zerolog"
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
	s := &stack{flags: stackFlags{engineFlags: c.engineFlags, kafkaFlags: c.kafkaFlags, clickhouseFlags: c.clickhouseFlags}, log: log}
	defer func() { err = errors.Join(err, s.stop()) }()
	if err := os.MkdirAll(s.flags.Data, 0o750); err != nil {
		return fmt.Errorf("data directory: %w; choose another with --data", err)
	}
	if err := s.startBroker(); err != nil {
		return err
	}
	if s.database, err = startDatabase(ctx, &s.flags, log, os.Stderr); err != nil {
		return err
	}
	s.push("clickhouse", s.database.stop)
	f := s.flags
	fmt.Printf("engine is up: kafka %s, clickhouse %s native, %s HTTP, version %s\n", f.KafkaAddr, f.ClickhouseAddr, f.ClickhouseHTTP, s.database.current().Version())
	select {
	case <-ctx.Done():
		return nil
	case err := <-s.database.dead:
		return err
	}
}
