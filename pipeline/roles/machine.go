package roles

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"github.com/gvc-brussels/anpr/pipeline/assurance/reconcile"
	"github.com/gvc-brussels/anpr/pipeline/gateway"
	"github.com/gvc-brussels/anpr/pipeline/platform"
	"github.com/gvc-brussels/anpr/pipeline/platform/embedded"
	"github.com/gvc-brussels/anpr/pipeline/reference"
	"github.com/gvc-brussels/anpr/schemas"
)

// MachineConfig describes everything on one machine. The configurations of the roles hold only their own settings:
// the machine fills in addresses, accounts, reference data, ops and log.
type MachineConfig struct {
	Engines   EnginesConfig
	Limits    embedded.Limits // for the broker's log
	Reference ReferenceConfig
	Ingest    IngestConfig
	Gateway   GatewayConfig
	Office    OfficeConfig
	Reconcile ReconcileConfig // Every 0 = never

	GatewayAddr string // port 0 = any
	OfficeAddr  string
	OpsAddr     string
	OpsAccess   platform.OpsAccess

	Log zerolog.Logger
}

// Machine is everything on one machine. Parts start in order of dependence and stop in reverse.
type Machine struct {
	Config  MachineConfig // with the chosen ports
	Engines *LocalEngines
	Ops     *platform.Ops
	Store   *reference.Store
	MadeUp  bool // the reference data describe the made-up city

	ingest *IngestRole
	office *OfficeRole
	parts  platform.Parts
}

// maxEmbeddedMessage is the largest record that the embedded broker accepts.
const maxEmbeddedMessage = 8 << 20

// StartMachine starts all parts. After a failure the parts already started are stopped again.
func StartMachine(ctx context.Context, c MachineConfig) (_ *Machine, err error) {
	m := &Machine{Config: c, Ops: platform.NewOps(), parts: platform.Parts{Log: c.Log}}
	m.Engines = newEngines(c.Engines, &m.parts)
	defer func() {
		if err != nil {
			err = errors.Join(err, m.Stop(context.WithoutCancel(ctx)))
		}
	}()
	listeners, err := m.listenAll(ctx)
	if err != nil {
		return nil, err
	}
	if err := m.Engines.claimData(); err != nil {
		return nil, err
	}
	m.parts.Push("ops", platform.Serve("ops", listeners["ops"], m.Ops.GuardedHandler(c.OpsAccess), 0, c.Log).Stop)
	if m.MadeUp, err = checkReference(c.Reference.Dir); err != nil {
		return nil, err
	}
	if err := m.checkFiles(); err != nil {
		return nil, err
	}
	watch, stopWatch := context.WithCancel(context.WithoutCancel(ctx))
	m.parts.Push("reference data", func(context.Context) error { stopWatch(); return nil })
	if m.Store, err = OpenReference(watch, c.Reference, m.Ops, c.Log); err != nil {
		return nil, err
	}
	if err := m.Engines.startAll(ctx); err != nil {
		return nil, err
	}
	if err := m.startRoles(ctx, listeners); err != nil {
		return nil, err
	}
	return m, m.Engines.publishRun(embedded.RunFile{
		Gateway: m.Config.GatewayAddr, Office: m.Config.OfficeAddr, Ops: m.Config.OpsAddr, Receipts: c.Gateway.Receipts, Reference: c.Reference.Dir,
		Users: c.Office.Users, Images: c.Office.Images.Address,
	})
}

// Stop stops all parts in reverse order.
func (m *Machine) Stop(ctx context.Context) error { return m.parts.Stop(ctx) }

// StopWorkers stops gateway, office and pipeline; broker and ClickHouse stay up.
func (m *Machine) StopWorkers(ctx context.Context) error { return m.parts.StopThrough(ctx, "pipeline") }

// Wait returns nil when ctx ends, or an error when a necessary part has ended by itself.
func (m *Machine) Wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case err := <-m.Engines.Dead():
		return err
	case <-m.ingest.Done():
		return fmt.Errorf("the pipeline stopped: %w", m.ingest.Err())
	}
}

// Sources returns the places that reconciliation compares, and the account of the job.
func (m *Machine) Sources(role embedded.DatabaseRole) SourcesConfig {
	return SourcesConfig{Kafka: m.Engines.Kafka(), Tables: m.Engines.Tables(role), Group: m.Config.Ingest.Group, Receipts: []string{m.Config.Gateway.Receipts}}
}

// CountCases counts the cases and their events. Reviews stays 0.
func (m *Machine) CountCases(ctx context.Context) (reconcile.CaseCounts, error) {
	a, err := m.office.cases.Store.Audit(ctx)
	return countsOf(&a), err
}

// checkFiles reads the files of the roles before anything starts.
func (m *Machine) checkFiles() error {
	_, users := LoadUsers(m.Config.Office.Users)
	_, catalogue := loadApprovedCatalogue(m.Config.Ingest.Catalogue, m.Config.Ingest.Signers, zerolog.Nop())
	return errors.Join(users, catalogue)
}

// listenAll claims the ports for people and cameras and probes the engines' ports, before anything is written.
func (m *Machine) listenAll(ctx context.Context) (map[string]net.Listener, error) {
	out := map[string]net.Listener{}
	errs := []error{}
	for _, l := range []struct {
		name, flag string
		addr       *string // port 0 is replaced by the chosen port
	}{
		{"ops", "--ops-addr", &m.Config.OpsAddr}, {"gateway", "--gateway-addr", &m.Config.GatewayAddr}, {"office", "--office-addr", &m.Config.OfficeAddr},
	} {
		ln, err := platform.Listen(ctx, l.name, *l.addr, l.flag)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		out[l.name] = ln
		*l.addr = ln.Addr().String()
		m.parts.Push(l.name+" port", func(context.Context) error {
			if err := ln.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
				return err
			}
			return nil
		})
	}
	// The other ports are still held here. An engine's port that equals such a port therefore counts as taken.
	if err := joinTaken(append(errs, m.Engines.probePorts(ctx)...)); err != nil {
		return nil, err
	}
	return out, nil
}

func (m *Machine) startRoles(ctx context.Context, listeners map[string]net.Listener) (err error) {
	kafka, log := m.Engines.Kafka(), m.Config.Log
	in := m.Config.Ingest
	in.Kafka, in.Tables, in.MaxMessage, in.Store, in.Ops, in.Log = kafka, m.Engines.Tables(embedded.Ingest), maxEmbeddedMessage, m.Store, m.Ops, log
	if m.ingest, err = StartIngest(ctx, in); err != nil {
		return err
	}
	m.parts.Push("pipeline", m.ingest.Stop)
	of := m.Config.Office
	of.Listener, of.Addr, of.Tables, of.Reference = listeners["office"], m.Config.OfficeAddr, m.Engines.Tables(embedded.Office), m.Config.Reference.Dir
	of.Store, of.Ops, of.Log = m.Store, m.Ops, log
	of.Kafka, of.Catalogue, of.Signers = kafka, m.Config.Ingest.Catalogue, m.Config.Ingest.Signers
	if of.Postgres.IsZero() { // otherwise the office has a PostgreSQL elsewhere
		of.Postgres = m.Engines.PostgresAs(embedded.PostgresOffice)
	}
	if m.office, err = StartOffice(ctx, of); err != nil {
		return err
	}
	m.parts.Push("office", m.office.Stop)
	if err := m.startReconcile(ctx); err != nil {
		return err
	}
	m.startRetention(ctx)
	gw := m.Config.Gateway
	gw.Listener, gw.Kafka, gw.Store, gw.Ops, gw.Log = listeners["gateway"], kafka, m.Store, m.Ops, log
	front, err := StartGateway(ctx, gw)
	if err != nil {
		return err
	}
	m.parts.Push("drain", m.drainLog) // runs between the stop of the gateway and the stop of the pipeline
	m.parts.Push("gateway", front.Stop)
	return nil
}

// startReconcile starts continuous reconciliation, unless switched off.
func (m *Machine) startReconcile(ctx context.Context) error {
	c := m.Config.Reconcile
	if c.Every == 0 {
		return nil
	}
	c.Sources, c.Seals, c.Ops, c.Log = m.Sources(embedded.Reconciler), m.Engines.Tables(embedded.Seals), m.Ops, m.Config.Log
	w, err := StartReconcile(ctx, c)
	if err != nil {
		return err
	}
	m.parts.Push("accounts", w.Stop)
	return nil
}

// drainLog waits at most 20 s until the pipeline has committed all accepted records. The rest stays on the log.
func (m *Machine) drainLog(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	admin := m.Engines.Kafka().NewAdmin("anpr")
	defer admin.Close()
	for {
		lag, err := admin.Lag(ctx, m.Config.Ingest.Group, schemas.TopicReads)
		if err == nil && lag == 0 {
			return nil
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-m.ingest.Done():
			return nil
		case <-ctx.Done():
			m.Config.Log.Warn().Int64("records", lag).Msg("stopping with records not yet processed; they are on the log and are processed after the next start")
			return nil
		}
	}
}

// otherFormats returns the addresses of all camera formats but canonical reads.
func otherFormats() (paths []string) {
	for _, f := range gateway.Formats() {
		if f.Path != "reads" {
			paths = append(paths, "/"+f.Path)
		}
	}
	return paths
}

// describePostgres names the PostgreSQL of the office.
func (m *Machine) describePostgres() string {
	if m.Engines.Postgres == nil {
		return m.Config.Office.Postgres.String()
	}
	p := m.Engines.Postgres.Current()
	return fmt.Sprintf("%s, version %s (%s), database %s", p.Addr(), p.Version(), p.Kind(), p.Database())
}

// WriteBanner writes all addresses and directories for a person.
func (m *Machine) WriteBanner(w io.Writer) {
	c, e := &m.Config, &m.Engines.Config
	reference := c.Reference.Dir
	if m.MadeUp {
		reference += "   (MADE UP: a seeded sample city, not real data)"
	}
	_, _ = fmt.Fprintf(w, `anpr is up. Ctrl-C stops it; the next start with the same --data goes on where it stopped.
  cameras    http://%s/v1/cameras/{camera_id}/reads (and %s)
  pages      %s
  office     http://%s/openapi.json   (ask it with `+"`anpr query`"+`)
  metrics    http://%s/metrics  /healthz  /readyz  /debug/pprof
  clickhouse %s native, HTTP %s, version %s (%s), database %s
  postgres   %s
  kafka      %s, topic %s
  data       %s, with run.json for commands on this machine; broker and databases ask for the passwords in run-secrets.json
  reference  %s
`, c.GatewayAddr, strings.Join(otherFormats(), " "), m.describePages(), c.OfficeAddr, c.OpsAddr, e.ClickHouseAddr, cmp.Or(e.ClickHouseHTTP, "closed (--clickhouse-http-addr)"), m.Engines.Database.Current().Version(), m.Engines.Database.Current().Kind(), e.Database,
		m.describePostgres(), e.KafkaAddr, schemas.TopicReads, e.Data, reference)
}
