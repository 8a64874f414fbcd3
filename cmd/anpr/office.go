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
	flags.ImageFlags
	flags.OpsFlags
}

// Run answers look-ups until the context ends. It begins anew when another `anpr up` runs on the data directory, because
// each run has passwords and addresses of its own.
func (c *officeCmd) Run(ctx context.Context, log zerolog.Logger) error {
	find := func(context.Context) (*flags.Local, error) { return c.FindRunning() }
	for {
		fresh := *c // without what answerBesideRun fills in
		again, err := fresh.answerBesideRun(ctx, find, log)
		if !again || ctx.Err() != nil {
			return err
		}
		if err != nil {
			log.Warn().Err(err).Msg("the office did not stop cleanly beside an anpr up that is gone")
		}
		find = c.AwaitRunning // that anpr up may be gone again
	}
}

// answerBesideRun answers look-ups beside the `anpr up` that find returns. It ends with the context or, with again, when another
// runs. It fills in the flags.
func (c *officeCmd) answerBesideRun(ctx context.Context, find func(context.Context) (*flags.Local, error), log zerolog.Logger) (again bool, err error) {
	if c.Users != "" { // given settings are checked before missing settings
		if _, err := roles.LoadUsers(c.Users); err != nil {
			return false, err
		}
	}
	run, err := find(ctx)
	if ctx.Err() != nil {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	run.FillReference(&c.ReferenceFlags, &c.Users)
	c.Users = flags.PathUnder(c.Users, c.Reference, "users.yaml")
	run.FillTables(&c.ClickHouseFlags, embedded.Office)
	run.FillPostgres(&c.PostgresFlags, embedded.PostgresOffice)
	run.FillLookUpKeys(&c.LookUpKeys, c.Reference)
	run.FillImages(&c.ImageFlags)
	if run != nil {
		run.FillBroker(&c.BrokerFlags)
	}
	life, end := context.WithCancel(ctx)
	defer end()
	next := make(chan struct{})
	go func() {
		defer end()
		if run.AwaitNext(life) == nil {
			close(next)
			log.Info().Msg("another anpr up runs on the data directory: the office begins anew with its passwords")
		}
	}()
	err = c.answerLookUps(life, log)
	select {
	case <-next:
		return true, err
	default:
		return false, err
	}
}

// answerLookUps answers look-ups until the context ends.
func (c *officeCmd) answerLookUps(ctx context.Context, log zerolog.Logger) error {
	return roles.RunStandalone(ctx, c.Standalone(roles.Port{Name: "office", Addr: cmp.Or(c.OfficeAddr, flags.DefaultOffice), Flag: "--office-addr"}), log, func(o *platform.Ops, ln net.Listener) (_ roles.Role, err error) {
		of := c.Office(c.Reference)
		if of.Tables, err = c.ClickHouse(); err != nil {
			return nil, err
		}
		if of.Postgres, err = c.PostgresDatabase(); err != nil {
			return nil, err
		}
		if of.Images, err = c.ImageStore(); err != nil {
			return nil, err
		}
		if of.Store, err = roles.OpenReference(ctx, c.ReferenceFlags.Config(), o, log); err != nil {
			return nil, err
		}
		of.Kafka, of.Catalogue, of.Signers = c.Kafka(), c.Catalogue, c.Signers
		of.Listener, of.Ops, of.Log = ln, o, log
		return roles.StartOffice(ctx, of)
	})
}
