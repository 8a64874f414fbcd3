package main

import (
	"cmp"
	"context"
	"net"

	"github.com/rs/zerolog"

	"github.com/gvc-brussels/anpr/cmd/flags"
	"github.com/gvc-brussels/anpr/pipeline/platform"
	"github.com/gvc-brussels/anpr/pipeline/platform/embedded"
	"github.com/gvc-brussels/anpr/pipeline/roles"
)

type officeCmd struct {
	flags.DataFlags
	flags.BrokerFlags
	flags.ClickHouseFlags
	flags.PostgresFlags
	flags.ReferenceFlags
	flags.OfficeFlags
	flags.OpsFlags
}

// Run answers look-ups until the context ends.
func (c *officeCmd) Run(ctx context.Context, log zerolog.Logger) error {
	if c.Users != "" { // given settings are checked before missing settings
		if _, err := roles.LoadUsers(c.Users); err != nil {
			return err
		}
	}
	c.Users = flags.PathUnder(c.Users, c.Reference, "users.yaml")
	run, err := c.FindRunning()
	if err != nil {
		return err
	}
	run.FillTables(&c.ClickHouseFlags, embedded.Office)
	run.FillPostgres(&c.PostgresFlags, embedded.PostgresOffice)
	run.FillLookUpKeys(&c.LookUpKeys, c.Reference)
	if run != nil {
		run.FillBroker(&c.BrokerFlags)
	}
	return runRole(ctx, &c.OpsFlags, port{"office", cmp.Or(c.OfficeAddr, flags.DefaultOffice), "--office-addr"}, log, func(o *platform.Ops, ln net.Listener) (role, error) {
		of := c.Office(c.Reference)
		if of.Tables, err = c.ClickHouse(); err != nil {
			return nil, err
		}
		if of.Postgres, err = c.PostgresDatabase(); err != nil {
			return nil, err
		}
		if of.Store, err = roles.OpenReference(ctx, c.ReferenceFlags.Config(), o, log); err != nil {
			return nil, err
		}
		of.Kafka = c.Kafka()
		of.Listener, of.Ops, of.Log = ln, o, log
		return roles.StartOffice(ctx, of)
	})
}
