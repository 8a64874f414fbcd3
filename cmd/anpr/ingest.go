package main

import (
	"context"
	"net"

	"github.com/rs/zerolog"

	"github.com/gvc-brussels/anpr/cmd/flags"
	"github.com/gvc-brussels/anpr/pipeline/platform"
	"github.com/gvc-brussels/anpr/pipeline/platform/embedded"
	"github.com/gvc-brussels/anpr/pipeline/roles"
)

type ingestCmd struct {
	flags.DataFlags
	flags.KafkaFlags
	flags.ClickHouseFlags
	flags.ReferenceFlags
	flags.PipelineFlags
	flags.OpsFlags
}

// Run works until the context ends.
func (c *ingestCmd) Run(ctx context.Context, log zerolog.Logger) error {
	run, err := c.FindRunning()
	if err != nil {
		return err
	}
	run.FillBroker(&c.BrokerFlags)
	run.FillTables(&c.ClickHouseFlags, embedded.Ingest)
	return roles.RunStandalone(ctx, c.Standalone(roles.Port{}), log, func(o *platform.Ops, _ net.Listener) (roles.Role, error) {
		w := c.Ingest(&c.ReferenceFlags, c.InsertTimeout)
		if w.Tables, err = c.ClickHouse(); err != nil {
			return nil, err
		}
		if w.Store, err = roles.OpenReference(ctx, c.ReferenceFlags.Config(), o, log); err != nil {
			return nil, err
		}
		w.Kafka, w.Ops, w.Log = c.Kafka(), o, log
		return roles.StartIngest(ctx, w)
	})
}
