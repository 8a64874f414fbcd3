package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/rs/zerolog"

	"github.com/gvc-brussels/anpr/pipeline/gateway"
	"github.com/gvc-brussels/anpr/pipeline/office/access"
	"github.com/gvc-brussels/anpr/pipeline/platform"
	"github.com/gvc-brussels/anpr/pipeline/platform/embedded"
	"github.com/gvc-brussels/anpr/pipeline/reference"
	"github.com/gvc-brussels/anpr/schemas"
)

type upCmd struct {
	stackFlags
}

// stackFlags are those of everything on one machine.
type stackFlags struct {
	engineFlags
	kafkaFlags
	clickhouseFlags
	referenceFlags
	pipelineFlags
	gatewayFlags
	officeFlags
	opsFlags
	watchFlags
	NoSample   bool   `hidden:"" help:"Has no effect since up writes no made-up city; units of earlier versions set it." env:"ANPR_NO_SAMPLE"`
	SampleSeed uint64 `hidden:"" help:"Has no effect since up writes no made-up city." env:"ANPR_SAMPLE_SEED"`
}

// Run works until Ctrl-C.
func (c *upCmd) Run(ctx context.Context, log zerolog.Logger) error {
	c.Data = under(c.Data, ".", "anpr-data")
	s, err := startStack(ctx, c.stackFlags, log, os.Stderr)
	if err != nil {
		return err
	}
	s.banner(os.Stdout)
	err = s.wait(ctx)
	return errors.Join(err, s.stop())
}

// stack is everything on one machine. Parts start in the order in which they are needed and stop in reverse.
type stack struct {
	flags stackFlags
	log   zerolog.Logger
	ops   *platform.Ops
	store *reference.Store

	secrets  *embedded.Secrets
	claim    *embedded.Claim
	broker   *embedded.Broker
	database *embedded.Supervisor[*embedded.ClickHouse]
	ingest   *ingestRole
	sample   bool // the reference data is made up
	parts    platform.Parts
}

// startStack starts all parts; when one cannot, those already started are stopped again.
func startStack(ctx context.Context, f stackFlags, log zerolog.Logger, progress io.Writer) (_ *stack, err error) {
	if err := checkNamedReference(f.Reference); err != nil {
		return nil, err
	}
	f.Reference = under(f.Reference, f.Data, "reference")
	f.Index = under(f.Index, f.Data, "reference-index")
	f.Images = under(f.Images, f.Data, "images")
	f.Backups = under(f.Backups, f.Data, "backups")
	f.Receipts = under(f.Receipts, f.Data, "receipts")
	f.Users = under(f.Users, f.Reference, "users.yaml")
	s := newStack(f, log, platform.NewOps())
	defer func() {
		if err != nil {
			err = errors.Join(err, s.stop())
		}
	}()
	listeners, err := s.listen(ctx)
	if err != nil {
		return nil, err
	}
	if err := s.claimData(); err != nil {
		return nil, err
	}
	s.parts.Push("ops", platform.Serve("ops", listeners["ops"], s.ops.Guarded(f.opsFlags.access()), 0, log).Stop)
	if s.sample, err = checkReference(f.Reference); err != nil {
		return nil, err
	}
	if err := s.checkFiles(); err != nil {
		return nil, err
	}
	watch, stopWatch := context.WithCancel(context.WithoutCancel(ctx))
	s.parts.Push("reference data", func(context.Context) error { stopWatch(); return nil })
	if s.store, err = openReference(watch, f.referenceFlags, s.ops, log); err != nil {
		return nil, err
	}
	if err := s.startEngines(ctx, progress); err != nil {
		return nil, err
	}
	if err := s.startRoles(ctx, listeners); err != nil {
		return nil, err
	}
	return s, s.publish()
}

// newStack makes a stack with passwords of its own. What this process writes from now on is nobody else's to read.
func newStack(f stackFlags, log zerolog.Logger, o *platform.Ops) *stack {
	syscall.Umask(0o077)
	f.ports()
	s := &stack{flags: f, log: log, ops: o, secrets: embedded.NewSecrets(), parts: platform.Parts{Log: log}}
	s.flags.kafkaUser = platform.Account{User: s.secrets.KafkaUser, Password: s.secrets.KafkaPassword}
	return s
}

// as returns how a role reaches the tables.
func (s *stack) as(role embedded.Role) clickhouseFlags {
	return accountOf(s.flags.clickhouseFlags, s.secrets.ClickHouse, role)
}

// claimData takes the data directory, so that no other process writes to it, unless it has been taken.
func (s *stack) claimData() (err error) {
	if s.claim != nil {
		return nil
	}
	if err := checkData(s.flags.Data); err != nil {
		return err
	}
	if s.claim, err = embedded.ClaimRun(s.flags.Data); err != nil {
		return err
	}
	s.parts.Push("run file", func(context.Context) error { return s.claim.Close() })
	return nil
}

// startEngines starts broker and ClickHouse.
func (s *stack) startEngines(ctx context.Context, progress io.Writer) (err error) {
	if err := s.claimData(); err != nil {
		return err
	}
	if err := s.startBroker(); err != nil {
		return err
	}
	if s.database, err = startDatabase(ctx, &s.flags, s.secrets.ClickHouse, s.log, progress); err != nil {
		return err
	}
	s.parts.Push("clickhouse", s.database.Stop)
	return nil
}

// publish leaves the run file, by which commands find what runs here.
func (s *stack) publish() error {
	f := &s.flags
	return s.claim.Publish(embedded.Run{
		Started: time.Now().UTC().Truncate(time.Second), Gateway: f.GatewayAddr, Office: f.OfficeAddr, Ops: f.OpsAddr, Kafka: f.KafkaAddr, ClickHouse: f.ClickhouseAddr,
		HTTP: f.ClickhouseHTTP, Database: f.ClickhouseDatabase, Receipts: f.Receipts, Reference: f.Reference,
	}, s.secrets)
}

// checkFiles reads what the roles will need, before anything starts for nothing.
func (s *stack) checkFiles() error {
	_, users := access.LoadUsers(s.flags.Users)
	if users != nil {
		users = fmt.Errorf("%w; give the file with --users", adviseRights(users))
	}
	_, catalogue := loadCatalogue(s.flags.Catalogue)
	return errors.Join(users, catalogue)
}

// probe says which of the engines' ports are taken, all at once.
func (s *stack) probe(ctx context.Context) []error {
	var errs []error
	for _, p := range []struct{ name, addr, flag string }{
		{"broker", s.flags.KafkaAddr, "--kafka-addr"}, {"ClickHouse", s.flags.ClickhouseAddr, "--clickhouse-addr"}, {"ClickHouse HTTP", s.flags.ClickhouseHTTP, "--clickhouse-http-addr"},
	} {
		if p.addr == "" {
			continue
		}
		ln, err := platform.Listen(ctx, p.name, p.addr, p.flag)
		if err == nil {
			err = ln.Close()
		}
		errs = append(errs, err)
	}
	return errs
}

// portsTaken says how to move all ports when several are taken.
func portsTaken(errs []error) error {
	err := errors.Join(errs...)
	if n := len(slices.DeleteFunc(errs, func(err error) bool { return err == nil })); n > 1 {
		return fmt.Errorf("%d ports cannot be had; --port-base N moves all of them to N and the five after it:\n%w", n, err)
	}
	return err
}

// listen takes the ports that people and cameras use, and sees to the engines', before anything is written.
func (s *stack) listen(ctx context.Context) (map[string]net.Listener, error) {
	out := map[string]net.Listener{}
	errs := []error{}
	for _, l := range []struct {
		name, flag string
		addr       *string // set to the port chosen when it is 0
	}{
		{"ops", "--ops-addr", &s.flags.OpsAddr}, {"gateway", "--gateway-addr", &s.flags.GatewayAddr}, {"office", "--office-addr", &s.flags.OfficeAddr},
	} {
		ln, err := platform.Listen(ctx, l.name, *l.addr, l.flag)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		out[l.name] = ln
		*l.addr = ln.Addr().String()
		s.parts.Push(l.name+" port", func(context.Context) error {
			if err := ln.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
				return err
			}
			return nil
		})
	}
	// while the others are held: a port of the engines that is one of them is taken too
	if err := portsTaken(append(errs, s.probe(ctx)...)); err != nil {
		return nil, err
	}
	return out, nil
}

func (s *stack) startBroker() error {
	b, err := embedded.StartBroker(embedded.BrokerConfig{
		Addr: s.flags.KafkaAddr, DataDir: filepath.Join(s.flags.Data, "kafka"), Topics: topics(s.flags.Partitions),
		User: s.secrets.KafkaUser, Password: s.secrets.KafkaPassword,
		Logger: s.log.With().Str("part", "broker").Logger(),
	})
	if err != nil {
		return err
	}
	s.flags.KafkaAddr, s.broker = b.Addr(), b
	s.parts.Push("broker", func(context.Context) error { return b.Close() })
	return nil
}

func (s *stack) startRoles(ctx context.Context, listeners map[string]net.Listener) error {
	f := s.flags
	f.MaxMessage = 8 << 20 // what the embedded broker takes
	ingest, err := startIngest(ctx, &ingestCmd{kafkaFlags: f.kafkaFlags, clickhouseFlags: s.as(embedded.Ingest), referenceFlags: f.referenceFlags, pipelineFlags: f.pipelineFlags}, s.store, s.ops, s.log)
	if err != nil {
		return err
	}
	s.ingest = ingest
	s.parts.Push("pipeline", func(context.Context) error { return ingest.stop() })
	office, err := newOffice(ctx, &officeCmd{clickhouseFlags: s.as(embedded.Office), officeFlags: f.officeFlags, referenceFlags: f.referenceFlags}, s.store, s.ops, s.log, beside)
	if err != nil {
		return err
	}
	s.parts.Push("office database", func(context.Context) error { return office.close() })
	if err := s.startAccounts(ctx); err != nil {
		return err
	}
	srv := platform.Serve("office", listeners["office"], office.handler, officeWrite, s.log)
	s.parts.Push("office", srv.Stop)
	gw, err := newGateway(ctx, &gatewayCmd{kafkaFlags: f.kafkaFlags, gatewayFlags: f.gatewayFlags, referenceFlags: f.referenceFlags}, s.store, s.ops, s.log)
	if err != nil {
		return err
	}
	s.parts.Push("gateway producer", func(context.Context) error { return gw.close() })
	s.startRetention(ctx)
	s.parts.Push("drain", s.drain) // after the gateway has stopped, before the pipeline does
	front := platform.Serve("gateway", listeners["gateway"], gw.handler, 0, s.log)
	s.parts.Push("gateway", front.Stop)
	return nil
}

// startAccounts reconciles continuously, unless it is switched off.
func (s *stack) startAccounts(ctx context.Context) error {
	f := &s.flags
	if f.WatchEvery == 0 {
		return nil
	}
	b, err := openBooks(booksFlags{sidesFlags: sidesFlags{brokerFlags: f.brokerFlags, clickhouseFlags: s.as(embedded.Reconciler), Group: f.Group}, Receipts: []string{f.Receipts}}, s.log)
	if err != nil {
		return err
	}
	stop, err := startWatch(ctx, b, s.as(embedded.Seals), f.watchFlags, s.ops, s.log)
	if err != nil {
		return err
	}
	s.parts.Push("accounts", func(context.Context) error { stop(); return nil })
	return nil
}

// wait returns when ctx ends (nil) or a part that everything needs has ended by itself.
func (s *stack) wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case err := <-s.database.Dead():
		return err
	case <-s.ingest.done:
		return fmt.Errorf("the pipeline stopped: %w", s.ingest.err)
	}
}

// drain waits until the pipeline has committed all that the gateway accepted, at most 20 s: the rest stays on the log.
func (s *stack) drain(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	counter := newTopicCounter(&s.flags.brokerFlags, s.flags.Group)
	for {
		lag, err := counter.lag(ctx)
		if err == nil && lag == 0 {
			return nil
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-s.ingest.done:
			return nil
		case <-ctx.Done():
			s.log.Warn().Int64("records", lag).Msg("stopping with records not yet processed; they are on the log and are processed after the next start")
			return nil
		}
	}
}

// stopThrough stops parts in reverse order up to and including the one of that name; what it needed stays up.
func (s *stack) stopThrough(name string) error {
	return s.parts.StopThrough(context.Background(), name)
}

// stop stops all parts in reverse order.
func (s *stack) stop() error { return s.parts.Stop(context.Background()) }

// otherFormats are the addresses of the camera formats beside that of canonical reads.
func otherFormats() (paths []string) {
	for _, f := range gateway.Formats() {
		if f.Path != "reads" {
			paths = append(paths, "/"+f.Path)
		}
	}
	return paths
}

// banner tells a person where everything is.
func (s *stack) banner(w io.Writer) {
	f := s.flags
	reference := f.Reference
	if s.sample {
		reference += "   (MADE UP: a seeded sample city, not real data)"
	}
	_, _ = fmt.Fprintf(w, `anpr is up. Ctrl-C stops it; the next start with the same --data goes on where it stopped.
  cameras    http://%s/v1/cameras/{camera_id}/reads (and %s)
  office     http://%s/openapi.json   (ask it with `+"`anpr query`"+`)
  metrics    http://%s/metrics  /healthz  /readyz  /debug/pprof
  clickhouse %s native, HTTP %s, version %s (%s), database %s
  kafka      %s, topic %s
  data       %s, with run.json for commands on this machine; broker and ClickHouse ask for the passwords in run-secrets.json
  reference  %s
`, f.GatewayAddr, strings.Join(otherFormats(), " "), f.OfficeAddr, f.OpsAddr, f.ClickhouseAddr, cmp.Or(f.ClickhouseHTTP, "closed (--clickhouse-http-addr)"), s.database.Current().Version(), s.database.Current().Kind(), f.ClickhouseDatabase,
		f.KafkaAddr, schemas.TopicReads, f.Data, reference)
}
