package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ClickHouse/ch-go"
	"github.com/rs/zerolog"
	"github.com/segmentio/kafka-go"

	"github.com/gvc-brussels/anpr/bench"
	"github.com/gvc-brussels/anpr/cmd/anprload/rehearsal"
	"github.com/gvc-brussels/anpr/cmd/ask"
	"github.com/gvc-brussels/anpr/cmd/flags"
	"github.com/gvc-brussels/anpr/pipeline/office"
	"github.com/gvc-brussels/anpr/pipeline/platform/embedded"
	"github.com/gvc-brussels/anpr/pipeline/roles"
	"github.com/gvc-brussels/anpr/schemas"
)

// TestUpIsForItsOwnUser runs everything with traffic and a backup, and looks at it as others on the machine do.
func TestUpIsForItsOwnUser(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	h := &rehearsal.Rehearsal{Config: rehearsal.Config{Seconds: 2, Rate: 50, Seed: 1}, Out: &bytes.Buffer{}, Log: zerolog.Nop()}
	defer func() {
		if err := h.Close(context.Background()); err != nil {
			t.Error(err)
		}
		if _, err := embedded.ReadRun(dir); !errors.Is(err, embedded.ErrNotRunning) {
			t.Errorf("the run file after the end: %v", err)
		}
	}()
	if err := h.Start(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(h.SendTraffic(t.Context()), h.BackUpTables(t.Context())); err != nil {
		t.Fatal(err)
	}
	t.Run("every port asks for a password", func(t *testing.T) { portsAsk(t, h) })
	t.Run("every file is closed to others", func(t *testing.T) { closedToOthers(t, dir) })
	t.Run("commands find it", func(t *testing.T) { commandsFindIt(t, dir, h) })
	t.Run("a second one on the directory", func(t *testing.T) {
		f := flags.MachineFlags{EngineFlags: flags.EngineFlags{Data: dir}}
		for _, addr := range []*string{&f.KafkaAddr, &f.ClickhouseAddr, &f.GatewayAddr, &f.OfficeAddr, &f.OpsAddr, &f.PostgresAddr} {
			*addr = "127.0.0.1:0"
		}
		if _, err := startMachine(t, f); !errors.Is(err, embedded.ErrRunning) {
			t.Errorf("got %v, want %v", err, embedded.ErrRunning)
		}
	})
}

// startMachine starts a machine by the flags of up.
func startMachine(t *testing.T, f flags.MachineFlags) (*roles.Machine, error) {
	t.Helper()
	cfg, err := f.Config(zerolog.Nop(), io.Discard)
	if err != nil {
		return nil, err
	}
	return roles.StartMachine(t.Context(), cfg)
}

func portsAsk(t *testing.T, h *rehearsal.Rehearsal) {
	f := h.Machine.Engines.Config
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	client := &kafka.Client{Addr: kafka.TCP(f.KafkaAddr), Timeout: 3 * time.Second, Transport: &kafka.Transport{}}
	if meta, err := client.Metadata(ctx, &kafka.MetadataRequest{Topics: []string{schemas.TopicReads}}); err == nil {
		t.Errorf("the broker tells nobody of %d topics", len(meta.Topics))
	}
	if conn, err := ch.Dial(ctx, ch.Options{Address: f.ClickHouseAddr}); err == nil {
		if conn.Do(ctx, ch.Query{Body: "SELECT 1"}) == nil {
			t.Error("ClickHouse answers nobody's question")
		}
	}
	if f.ClickHouseHTTP != "" {
		t.Errorf("ClickHouse's HTTP is open at %s, and nobody asked for it", f.ClickHouseHTTP)
	}
}

func closedToOthers(t *testing.T, dir string) {
	files := 0
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.Type()&fs.ModeSymlink != 0 {
			return err
		}
		info, err := d.Info()
		if errors.Is(err, os.ErrNotExist) {
			return nil // merged away meanwhile
		}
		if err == nil && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s is %v", path, info.Mode())
		}
		files++
		return err
	})
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "backups", rehearsal.BackupName)); err != nil || files < 100 {
		t.Errorf("%d files and no backup among them (%v): the test looks at the wrong place", files, err)
	}
}

func commandsFindIt(t *testing.T, dir string, h *rehearsal.Rehearsal) {
	q := ask.ClientFlags{User: "officer1", DataFlags: flags.DataFlags{Data: dir}}
	c, err := q.NewClient()
	if err != nil || c.BaseURL != "http://"+h.Machine.Config.OfficeAddr || c.Token == "" {
		t.Fatalf("query: %+v, %v; want the office at %s", c, err, h.Machine.Config.OfficeAddr)
	}
	// The office has the rights for its look-ups and its log.
	ask := office.Justification{Purpose: "judicial", Reason: "a machine that is tried out", CaseRef: "BR.30.L1.004711/2026"}
	if _, err := c.Search(t.Context(), office.SearchQuery{Justification: ask, Plate: "1ABC123", Paging: office.Paging{Limit: 1}}); err != nil && !strings.Contains(err.Error(), "404") {
		t.Errorf("a look-up: %v", err)
	}
	var f flags.SourcesFlags
	f.Data, f.ClickhouseDatabase, f.Group = dir, "anpr", "anpr-ingest"
	b, err := f.OpenSources(embedded.Reconciler)
	if err != nil {
		t.Fatal(err)
	}
	defer roles.CloseSources(b)
	if ids, err := b.Log.Partitions(t.Context(), schemas.TopicReads); err != nil || len(ids) != 4 {
		t.Errorf("reconcile sees partitions %v, %v", ids, err)
	}
	if err := b.DB.Ping(t.Context()); err != nil || len(b.Receipts) != 1 || b.Receipts[0] != h.Machine.Config.Gateway.Receipts {
		t.Errorf("reconcile: ClickHouse %v, receipts %v", err, b.Receipts)
	}
	other := flags.ClickHouseFlags{ClickhouseAddr: "10.0.0.1:9000"}
	run, err := f.FindRunning()
	if err != nil {
		t.Fatal(err)
	}
	run.FillTables(&other, embedded.Office)
	broker := flags.BrokerFlags{KafkaAddr: "10.0.0.1:9092"}
	run.FillBroker(&broker)
	if other.ClickhousePassword != "" || broker.Kafka().Account.Password != "" {
		t.Error("passwords of this machine go to another")
	}
}

func TestAllTakenPortsAreNamedAtOnceBeforeAnythingIsWritten(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	f := flags.MachineFlags{EngineFlags: flags.EngineFlags{Data: dir}}
	taken := map[string]string{}
	for flag, addr := range map[string]*string{
		"--kafka-addr": &f.KafkaAddr, "--clickhouse-addr": &f.ClickhouseAddr, "--clickhouse-http-addr": &f.ClickhouseHTTP,
		"--gateway-addr": &f.GatewayAddr, "--office-addr": &f.OfficeAddr, "--ops-addr": &f.OpsAddr,
		"--postgres-addr": &f.PostgresAddr,
	} {
		l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		*addr = l.Addr().String()
		taken[flag] = *addr
	}
	_, err := startMachine(t, f)
	if err == nil {
		t.Fatal("started on ports that are taken")
	}
	for flag, addr := range taken {
		if !strings.Contains(err.Error(), flag) || !strings.Contains(err.Error(), addr) {
			t.Errorf("%q does not name %s and %s", err, addr, flag)
		}
	}
	if strings.Count(err.Error(), "--port-base") != 1 || !strings.HasPrefix(err.Error(), "7 ports cannot be had") {
		t.Errorf("%q: want one heading with the number of all ports and the way out", err)
	}
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the data directory was written: %v", err)
	}
}

func TestOnePortBaseMovesEveryPort(t *testing.T) {
	for base, explicit := range map[uint16]string{0: "", 21000: "", 64000: "127.0.0.1:7"} {
		f := flags.MachineFlags{EngineFlags: flags.EngineFlags{PortBase: flags.PortBase(base)}}
		f.OfficeAddr = explicit
		f.FillPorts()
		seen := map[string]bool{}
		for _, addr := range []string{f.OfficeAddr, f.GatewayAddr, f.OpsAddr, f.KafkaAddr, f.ClickhouseAddr, f.PostgresAddr} {
			_, text, err := net.SplitHostPort(addr)
			port, _ := strconv.Atoi(text)
			if err != nil || seen[addr] || base != 0 && addr != explicit && (port < int(base) || port > int(base)+6) {
				t.Errorf("base %d: %s", base, addr)
			}
			seen[addr] = true
		}
		if explicit != "" && f.OfficeAddr != explicit {
			t.Errorf("base %d: the office's own address %s became %s", base, explicit, f.OfficeAddr)
		}
	}
}

func TestUpWithoutUsersStartsNothing(t *testing.T) {
	dir := t.TempDir()
	if err := bench.WriteMissingCity(filepath.Join(dir, "reference"), 1); err != nil {
		t.Fatal(err)
	}
	f := flags.MachineFlags{EngineFlags: flags.EngineFlags{Data: dir}}
	f.Partitions = 1
	f.Users = filepath.Join(dir, "nobody.yaml")
	for _, addr := range []*string{&f.KafkaAddr, &f.ClickhouseAddr, &f.GatewayAddr, &f.OfficeAddr, &f.OpsAddr, &f.PostgresAddr} {
		*addr = "127.0.0.1:0"
	}
	_, err := startMachine(t, f)
	if err == nil || !strings.Contains(err.Error(), "nobody.yaml") || !strings.Contains(err.Error(), "--users") {
		t.Errorf("got %v, want the file and the flag", err)
	}
	for _, part := range []string{"kafka", "clickhouse", "postgres"} {
		if _, err := os.Stat(filepath.Join(dir, part)); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s was started before: %v", part, err)
		}
	}
}

// The runbook starts the engines alone with --clickhouse-http-addr base: they take the same ports as under `anpr up`.
func TestTheEnginesAloneTakeThePortsOfTheMachine(t *testing.T) {
	for _, base := range []flags.PortBase{0, 21000} {
		m := flags.MachineFlags{EngineFlags: flags.EngineFlags{PortBase: base, ClickhouseHTTP: "base"}}
		m.FillPorts()
		c := engineServeCmd{EngineFlags: flags.EngineFlags{PortBase: base, ClickhouseHTTP: "base"}}
		c.InsertCompression = "auto"
		got, err := c.enginesConfig(zerolog.Nop())
		if err != nil {
			t.Fatal(err)
		}
		want := [4]string{m.KafkaAddr, m.ClickhouseAddr, m.ClickhouseHTTP, m.PostgresAddr}
		if have := [4]string{got.KafkaAddr, got.ClickHouseAddr, got.ClickHouseHTTP, got.PostgresAddr}; have != want || slices.Contains(have[:], "") {
			t.Errorf("base %d: %q, want %q", base, have, want)
		}
	}
}
