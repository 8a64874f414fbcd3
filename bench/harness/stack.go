package harness

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gvc-brussels/anpr/bench"
	"github.com/gvc-brussels/anpr/schemas"
)

// Where locates the program, its data, Kafka and ClickHouse. Without an address Kafka and ClickHouse are started
// embedded.
type Where struct {
	Program    string // the anpr binary
	Data       string // base directory; each case gets a new one below it, removed afterwards
	Kafka      string // host:port for a broker with the topics, without records
	ClickHouse string // host:port, native, for a server with the tables, without rows
	HTTP       string // http://host:port for the same server
	// Login returns the credentials for the engines that `anpr engine serve` runs on a data directory: a ClickHouse user
	// who may read, with password, and a dialler for the broker.
	Login func(data string) (user, password string, dial Dial, err error)
}

// Dial opens connections to a broker.
type Dial = func(ctx context.Context, network, addr string) (net.Conn, error)

// Broker returns the broker's name for the results.
func (w *Where) Broker() string {
	if w.Kafka == "" {
		return "embedded kfake, a process of its own with ClickHouse as its child, fsync on both"
	}
	return "Kafka at " + w.Kafka
}

// processStack is a running pipeline: a process for broker and ClickHouse, a process for the worker, and a gateway
// process when the gateway is the target.
type processStack struct {
	dir             string
	city            *bench.City
	worker          *anprProcess
	all             []*anprProcess
	connectionFlags []string // flags with the broker's and ClickHouse's address
	watch           Config
	target          func(ctx context.Context) (bench.Target, error)
}

// startStack brings up the pipeline for a case in a new directory.
func startStack(ctx context.Context, w *Where, cfg *StackConfig, c *Case) (s *processStack, err error) {
	s = &processStack{}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.stopAll())
		}
	}()
	if s.dir, err = os.MkdirTemp(w.Data, "anpr-budget-"); err != nil {
		return s, fmt.Errorf("make a directory for the run: %w", err)
	}
	ref := filepath.Join(s.dir, "reference")
	if s.city, err = bench.NewCity(bench.CityConfig{
		Seed: 1, Vehicles: cfg.Vehicles, ListEntries: cfg.ListEntries, ListedDrive: cfg.ListedDrive, At: schemas.MicrosOf(time.Now()),
	}); err != nil {
		return s, err
	}
	if err = s.city.WriteReference(ref); err != nil {
		return s, err
	}
	addr, err := freeAddrs(ctx, 7)
	if err != nil {
		return s, err
	}
	kafka, http := w.Kafka, w.HTTP
	var dial Dial
	s.connectionFlags = []string{"--kafka-addr", w.Kafka, "--clickhouse-addr", w.ClickHouse}
	if kafka == "" {
		kafka = addr[0]
		if err = s.startEngine(ctx, w, cfg, addr); err != nil {
			return s, err
		}
		user, password, d, err := w.Login(s.dataDir())
		if err != nil {
			return s, err
		}
		dial, http, s.connectionFlags = d, "http://"+user+":"+password+"@"+addr[2], []string{"--data", s.dataDir()}
	}
	args := append([]string{"--log-level", "warn", "ingest", "--reference", ref, "--ops-addr", addr[3]}, s.connectionFlags...)
	if s.worker, err = s.startProcess("worker", w.Program, append(args, cfg.Ingest...)...); err != nil {
		return s, err
	}
	if err = s.worker.waitReady(ctx, ownsPartitions("http://"+addr[3])); err != nil {
		return s, err
	}
	s.watch = Config{Kafka: kafka, Dial: dial, ClickHouse: http, Ops: []string{"http://" + addr[3]}, Gateway: c.Target == "gateway"}
	s.target = func(ctx context.Context) (bench.Target, error) {
		return bench.OpenKafkaTarget(ctx, bench.KafkaTargetConfig{Addr: kafka, Dial: dial})
	}
	if c.Target == "gateway" {
		err = s.startGateway(ctx, w, ref, addr[4])
	}
	if err == nil && (c.Lookups > 0 || c.Retro > 0) {
		err = s.startOffice(ctx, w, ref, addr[5:], c, cfg.trafficConfig(c))
	}
	return s, err
}

// trafficConfig returns a case's traffic.
func (cfg *StackConfig) trafficConfig(c *Case) bench.TrafficConfig {
	return bench.TrafficConfig{Seed: 1, Rate: c.Rate, ListedShare: cfg.ListedPPM}
}

// benchUsers is the number of users who ask in turn: one person may ask for 60 plates an hour and is shown 5,000 rows a day.
const benchUsers = 500

// startOffice starts the query API with users who own a list, magistrate's clerks. The watch then asks for the first plates of the
// load.
func (s *processStack) startOffice(ctx context.Context, w *Where, ref string, addr []string, c *Case, load bench.TrafficConfig) error {
	users := filepath.Join(s.dir, "users.yaml")
	tokens, list := make([]string, benchUsers), bytes.NewBufferString("users:\n")
	for i := range tokens {
		tokens[i] = fmt.Sprintf("of-this-run-only-%d", i)
		fmt.Fprintf(list, "  - {name: bench-%d, role: prosecutor, zones: [], grants: [\"list:bench\"], token_sha256: %x, valid_to: %s}\n",
			i, sha256.Sum256([]byte(tokens[i])), time.Now().AddDate(0, 0, 2).Format(time.DateOnly))
	}
	if err := os.WriteFile(users, list.Bytes(), 0o600); err != nil {
		return fmt.Errorf("write the office's user: %w", err)
	}
	traffic, err := s.city.Traffic(load)
	if err != nil {
		return err
	}
	s.watch.Ask = Questions{Office: "http://" + addr[0], Tokens: tokens, Lookups: c.Lookups, Retro: c.Retro}
	var ev bench.Event
	for len(s.watch.Ask.Plates) < askedPlates {
		traffic.Next(&ev)
		if p := ev.Plate(); p.Len() > 4 {
			s.watch.Ask.Plates = append(s.watch.Ask.Plates, p)
		}
	}
	args := []string{"--log-level", "warn", "office", "--reference", ref, "--users", users, "--office-addr", addr[0], "--ops-addr", addr[1]}
	if i := slices.Index(s.connectionFlags, "--kafka-addr"); i >= 0 {
		args = append(args, s.connectionFlags[i+2:]...) // the office knows no broker
	} else {
		args = append(args, s.connectionFlags...)
	}
	p, err := s.startProcess("office", w.Program, args...)
	if err != nil {
		return err
	}
	return p.waitReady(ctx, acceptsConnections(addr[0]))
}

// askedPlates is the number of plates in the questions.
const askedPlates = 20_000

// acceptsConnections returns a check whether the address accepts connections.
func acceptsConnections(addr string) func(context.Context) bool {
	return func(ctx context.Context) bool {
		conn, err := (&net.Dialer{Timeout: time.Second}).DialContext(ctx, "tcp", addr)
		if err == nil {
			_ = conn.Close()
		}
		return err == nil
	}
}

func (s *processStack) startProcess(name, program string, args ...string) (*anprProcess, error) {
	p, err := launchProcess(name, program, args...)
	if err == nil {
		s.all = append(s.all, p)
	}
	return p, err
}

func (s *processStack) startEngine(ctx context.Context, w *Where, cfg *StackConfig, addr []string) error {
	args := []string{
		"--log-level", "warn", "engine", "serve", "--data", s.dataDir(), "--partitions", strconv.Itoa(cfg.Partitions),
		"--kafka-addr", addr[0], "--clickhouse-addr", addr[1], "--clickhouse-http-addr", addr[2], "--postgres-addr", "127.0.0.1:0",
	}
	p, err := s.startProcess("broker and ClickHouse", w.Program, append(args, cfg.Engine...)...)
	if err != nil {
		return err
	}
	return p.waitReady(ctx, func(context.Context) bool { return strings.Contains(p.lastOutput(), "engine is up") })
}

// dataDir returns the broker's and ClickHouse's directory.
func (s *processStack) dataDir() string { return filepath.Join(s.dir, "data") }

func (s *processStack) startGateway(ctx context.Context, w *Where, ref, addr string) error {
	ops, err := freeAddrs(ctx, 1)
	if err != nil {
		return err
	}
	args := []string{"--log-level", "warn", "gateway", "--reference", ref, "--gateway-addr", addr, "--ops-addr", ops[0], "--images", filepath.Join(s.dir, "images")}
	p, err := s.startProcess("gateway", w.Program, append(args, s.connectionFlags[:2]...)...) // the gateway uses no ClickHouse
	if err != nil {
		return err
	}
	s.target = func(context.Context) (bench.Target, error) {
		return bench.NewGatewayTarget(bench.GatewayTargetConfig{URL: "http://" + addr, Tokens: s.city.CameraTokens()})
	}
	return p.waitReady(ctx, acceptsConnections(addr))
}

// ownsPartitions returns a check whether the worker behind the ops port owns partitions.
func ownsPartitions(ops string) func(context.Context) bool {
	return func(ctx context.Context) bool {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, ops+"/metrics", nil)
		if err != nil {
			return false
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			return false
		}
		defer func() { _ = res.Body.Close() }()
		page, err := io.ReadAll(res.Body)
		return err == nil && strings.Contains(string(page), "\nanpr_pipeline_partitions ") && !strings.Contains(string(page), "\nanpr_pipeline_partitions 0")
	}
}

// stopAll ends the processes, the last started first, and removes their directory.
func (s *processStack) stopAll() error {
	var errs []error
	for _, p := range slices.Backward(s.all) {
		errs = append(errs, p.stopProcess())
	}
	if s.dir != "" {
		errs = append(errs, os.RemoveAll(s.dir))
	}
	return errors.Join(errs...)
}
