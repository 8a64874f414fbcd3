package main

import (
	"cmp"
	"context"
	"fmt"
	"net"

	"github.com/rs/zerolog"

	"github.com/gvc-brussels/anpr/cmd/flags"
	"github.com/gvc-brussels/anpr/pipeline/platform"
	"github.com/gvc-brussels/anpr/pipeline/roles"
)

type gatewayCmd struct {
	flags.DataFlags
	flags.KafkaFlags
	flags.ReferenceFlags
	flags.GatewayFlags
	flags.ImageFlags
	flags.OpsFlags
}

// Run answers cameras until the context ends.
func (c *gatewayCmd) Run(ctx context.Context, log zerolog.Logger) (err error) {
	if c.Images == "" {
		return fmt.Errorf("no image store: give its directory or its address with --images")
	}
	pictures, err := c.ImageStore()
	if err != nil {
		return err
	}
	run, err := c.FindRunning()
	if err != nil {
		return err
	}
	run.FillBroker(&c.BrokerFlags)
	return roles.RunStandalone(ctx, c.Standalone(roles.Port{Name: "gateway", Addr: cmp.Or(c.GatewayAddr, flags.DefaultGateway), Flag: "--gateway-addr"}), log, func(o *platform.Ops, ln net.Listener) (roles.Role, error) {
		g := c.Gateway(c.Reference)
		g.Images = pictures
		if g.Store, err = roles.OpenReference(ctx, c.ReferenceFlags.Config(), o, log); err != nil {
			return nil, err
		}
		g.Listener, g.Kafka, g.Ops, g.Log = ln, c.Kafka(), o, log
		return roles.StartGateway(ctx, g)
	})
}
