package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"path/filepath"
	"time"

	"github.com/rs/zerolog"

	"github.com/gvc-brussels/anpr/pipeline/gateway"
	"github.com/gvc-brussels/anpr/pipeline/ingest/normalise"
	"github.com/gvc-brussels/anpr/pipeline/platform"
	"github.com/gvc-brussels/anpr/pipeline/reference"
	"github.com/gvc-brussels/anpr/schemas"
)

type gatewayCmd struct {
	runFlags
	kafkaFlags
	referenceFlags
	gatewayFlags
	opsFlags
}

// Run answers cameras until the context ends.
func (c *gatewayCmd) Run(ctx context.Context, log zerolog.Logger) (err error) {
	if c.Images == "" {
		return fmt.Errorf("no image store: give its directory with --images")
	}
	run, err := c.find()
	if err != nil {
		return err
	}
	run.broker(&c.brokerFlags)
	return runHTTP(ctx, c.opsFlags, httpRole{"gateway", cmp.Or(c.GatewayAddr, defaultGateway), "--gateway-addr", 0}, log, func(o *platform.Ops) (http.Handler, func() error, error) {
		store, err := openReference(ctx, c.referenceFlags, o, log)
		if err != nil {
			return nil, nil, err
		}
		g, err := newGateway(ctx, c, store, o, log)
		if err != nil {
			return nil, nil, err
		}
		return g.handler, g.close, nil
	})
}

// httpRole names a role that is an HTTP server.
type httpRole struct {
	name, addr, flag string
	writeTimeout     time.Duration
}

// runHTTP serves a role and its ops port until the context ends, then lets requests under way finish.
func runHTTP(ctx context.Context, f opsFlags, role httpRole, log zerolog.Logger, build func(*platform.Ops) (http.Handler, func() error, error)) error {
	o := platform.NewOps()
	opsLn, err := platform.Listen(ctx, "ops", cmp.Or(f.OpsAddr, defaultOps), "--ops-addr")
	if err != nil {
		return err
	}
	opsSrv := platform.Serve("ops", opsLn, o.Guarded(f.access()), 0, log)
	ln, err := platform.Listen(ctx, role.name, role.addr, role.flag)
	if err != nil {
		return errors.Join(err, opsSrv.Stop(context.WithoutCancel(ctx)))
	}
	handler, closeRole, err := build(o)
	if err != nil {
		return errors.Join(err, ln.Close(), opsSrv.Stop(context.WithoutCancel(ctx)))
	}
	srv := platform.Serve(role.name, ln, handler, role.writeTimeout, log)
	log.Info().Str("addr", ln.Addr().String()).Msg(role.name + " is up")
	<-ctx.Done()
	down, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
	defer cancel()
	return errors.Join(srv.Stop(down), closeRole(), opsSrv.Stop(down))
}

// gatewayPart is a gateway and what it must close.
type gatewayPart struct {
	handler http.Handler
	close   func() error
}

func newGateway(ctx context.Context, c *gatewayCmd, store *reference.Store, o *platform.Ops, log zerolog.Logger) (*gatewayPart, error) {
	proxies, digest, err := openAccess(c, log)
	if err != nil {
		return nil, err
	}
	partitions, err := partitionsOf(ctx, c.kafka())
	if err != nil {
		return nil, err
	}
	images, err := gateway.NewDirStore(c.Images)
	if err != nil {
		return nil, fmt.Errorf("image store: %w", err)
	}
	metrics := gateway.NewMetrics(o.Registry)
	receipts, err := openReceipts(c.Receipts, metrics, o, log)
	if err != nil {
		return nil, err
	}
	producer := gateway.NewKafkaProducer(gateway.KafkaConfig{Brokers: c.kafka().Brokers(), Dial: c.kafka().Dial(), Acked: receipts.keep})
	g, err := gateway.New(gateway.Config{
		Digest: digest, Proxies: proxies, SubjectHeader: c.SubjectHeader,
		Registry:    func() gateway.Registry { return store.Current() },
		Normalise:   normalised,
		NearMisread: normalise.NearMisread,
		Producer:    producer,
		Images:      images,
		KeepUnread:  c.KeepUnread,
		Partitions:  partitions,
		Now:         time.Now,
		Log:         log.With().Str("role", "gateway").Logger(),
		Metrics:     metrics,
	})
	if err != nil {
		return nil, errors.Join(err, producer.Close(), receipts.close())
	}
	o.Ready("images", images.Check)
	if c.Receipts != "" {
		o.Ready("receipts", func(ctx context.Context) error { return gateway.CheckRoom(ctx, c.Receipts, 64<<10) })
	}
	o.Ready("kafka", func(ctx context.Context) error { // what a camera needs
		if err := producer.CheckTopic(ctx, partitions); err != nil {
			return err
		}
		return g.CanProduce(ctx)
	})
	return &gatewayPart{handler: g.Handler(), close: func() error { return errors.Join(producer.Close(), receipts.close()) }}, nil
}

// openAccess reads how cameras authenticate beside their tokens.
func openAccess(c *gatewayCmd, log zerolog.Logger) ([]netip.Prefix, *gateway.DigestSecrets, error) {
	proxies, err := parseProxies(c.TrustedProxy)
	if err == nil && c.SubjectHeader != "" && len(proxies) == 0 {
		err = errors.New("--client-subject-header without --trusted-proxy: name the proxy whose header counts")
	}
	if err != nil {
		return nil, nil, err
	}
	path := under(c.DigestSecrets, c.Reference, filepath.Join("secrets", "camera-digest.csv"))
	digest, err := gateway.OpenDigestSecrets(path, log.With().Str("role", "gateway").Logger())
	return proxies, digest, err
}

// parseProxies reads addresses and ranges of addresses.
func parseProxies(list []string) (out []netip.Prefix, err error) {
	for _, s := range list {
		p, err := netip.ParsePrefix(s)
		if a, bad := netip.ParseAddr(s); bad == nil {
			p, err = netip.PrefixFrom(a, a.BitLen()), nil
		}
		if err != nil {
			return nil, fmt.Errorf("--trusted-proxy: %.60q is no address; write 10.0.0.5 or 10.0.0.0/29", s)
		}
		out = append(out, p)
	}
	return out, nil
}

// normalised is normalise.PlateOf with the error type the gateway expects: a nil *RejectError must become a nil error.
func normalised(raw string, country schemas.Country, confidence schemas.PerMille) (schemas.Plate, error) {
	p, err := normalise.PlateOf(raw, country, confidence)
	if err != nil {
		return p, err
	}
	return p, nil
}
