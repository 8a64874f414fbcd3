package roles

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/rs/zerolog"

	"github.com/gvc-brussels/anpr/pipeline/gateway"
	"github.com/gvc-brussels/anpr/pipeline/ingest/normalise"
	"github.com/gvc-brussels/anpr/pipeline/platform"
	"github.com/gvc-brussels/anpr/pipeline/platform/images"
	"github.com/gvc-brussels/anpr/pipeline/reference"
	"github.com/gvc-brussels/anpr/schemas"
)

// GatewayConfig describes a camera gateway.
type GatewayConfig struct {
	Listener      net.Listener // for the cameras; Stop closes it
	Kafka         platform.Kafka
	DigestSecrets string   // file with the secrets for Digest authentication; may be missing
	TrustedProxy  []string // addresses and address ranges; proxies in front of the gateway
	SubjectHeader string   // header in which a trusted proxy names the client certificate
	Images        images.Config
	KeepUnread    bool   // store the pictures of vehicles without a plate read by the camera
	Receipts      string // directory for receipts; empty = none are kept

	Store *reference.Store
	Ops   *platform.Ops
	Log   zerolog.Logger
}

// GatewayRole is a running camera gateway.
type GatewayRole struct {
	server   *platform.Server
	producer *gateway.KafkaProducer
	receipts *receiptKeeper
}

// Stop lets requests under way finish, then closes the producer and the receipts.
func (g *GatewayRole) Stop(ctx context.Context) error {
	return errors.Join(g.server.Stop(ctx), g.producer.Close(), g.receipts.closeJournal())
}

// StartGateway answers cameras on the listener. The topic must exist.
func StartGateway(ctx context.Context, c GatewayConfig) (*GatewayRole, error) {
	log, o := c.Log, c.Ops
	proxies, digest, err := openAccess(&c)
	if err != nil {
		return nil, err
	}
	partitions, err := countPartitions(ctx, c.Kafka)
	if err != nil {
		return nil, err
	}
	pictures, err := images.Open(c.Images)
	if err != nil {
		return nil, fmt.Errorf("image store: %w", err)
	}
	metrics := gateway.NewMetrics(o.Registry)
	receipts, err := openReceipts(c.Receipts, metrics, o, log)
	if err != nil {
		return nil, err
	}
	producer := newProducer(c.Kafka, receipts)
	g, err := gateway.New(gateway.Config{
		Digest: digest, Proxies: proxies, SubjectHeader: c.SubjectHeader,
		Registry:    func() gateway.Registry { return c.Store.Current() },
		Normalise:   normalisePlate,
		NearMisread: normalise.NearMisread,
		Producer:    producer,
		Images:      pictures,
		KeepUnread:  c.KeepUnread,
		Partitions:  partitions,
		Now:         time.Now,
		Log:         log.With().Str("role", "gateway").Logger(),
		Metrics:     metrics,
	})
	if err != nil {
		return nil, errors.Join(err, producer.Close(), receipts.closeJournal())
	}
	o.AddReadyCheck("images", pictures.Check)
	if c.Receipts != "" {
		o.AddReadyCheck("receipts", func(ctx context.Context) error { return images.CheckRoom(ctx, c.Receipts, 64<<10) })
	}
	o.AddReadyCheck("kafka", func(ctx context.Context) error { // a camera needs a topic and room to produce
		if err := producer.CheckTopic(ctx, partitions); err != nil {
			return err
		}
		return g.CanProduce(ctx)
	})
	return &GatewayRole{platform.Serve("gateway", c.Listener, g.Handler(), 0, log), producer, receipts}, nil
}

// openAccess reads the trusted proxies and the secrets for Digest authentication.
func openAccess(c *GatewayConfig) ([]netip.Prefix, *gateway.DigestSecrets, error) {
	proxies, err := parseProxies(c.TrustedProxy)
	if err == nil && c.SubjectHeader != "" && len(proxies) == 0 {
		err = errors.New("--client-subject-header without --trusted-proxy: name the proxy whose header counts")
	}
	if err != nil {
		return nil, nil, err
	}
	digest, err := gateway.OpenDigestSecrets(c.DigestSecrets, c.Log.With().Str("role", "gateway").Logger())
	return proxies, digest, err
}

// parseProxies reads addresses and address ranges.
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

// normalisePlate is normalise.PlateOf with the error type of the gateway: a nil *RejectError must become a nil error.
func normalisePlate(raw string, country schemas.Country, confidence schemas.PerMille) (schemas.Plate, error) {
	p, err := normalise.PlateOf(raw, country, confidence)
	if err != nil {
		return p, err
	}
	return p, nil
}
