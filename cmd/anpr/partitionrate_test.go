package main

import (
	"context"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"

	"github.com/gvc-brussels/anpr/cmd/flags"

	"github.com/gvc-brussels/anpr/bench"
	"github.com/gvc-brussels/anpr/pipeline/ingest/dedup"
)

func parsed(t *testing.T, args ...string) (cli, error) {
	t.Helper()
	var c cli
	parser, err := kong.New(&c, kong.Name("anpr"), flags.Times())
	if err != nil {
		t.Fatal(err)
	}
	_, err = parser.Parse(args)
	return c, err
}

func TestAPartitionRateThatCannotBeMeantIsRefused(t *testing.T) {
	for _, rate := range []string{"0", "-1", "99", "100001", "2500/s", "1e3", "800.5", "", "9999999999999999999999"} {
		for _, command := range []string{"ingest", "up"} {
			_, err := parsed(t, command, "--partition-rate="+rate)
			if err == nil || !strings.Contains(err.Error(), "--partition-rate") || !strings.Contains(err.Error(), "100 to 100000") || !strings.Contains(err.Error(), "partitions") {
				t.Errorf("anpr %s --partition-rate=%s: error %v, want one with flag, bounds and cure", command, rate, err)
			}
		}
	}
	t.Setenv("ANPR_PARTITION_RATE", "7")
	if _, err := parsed(t, "ingest"); err == nil || !strings.Contains(err.Error(), "ANPR_PARTITION_RATE") {
		t.Errorf("ANPR_PARTITION_RATE=7: error %v, want one that names it", err)
	}
}

func TestThePartitionRateIsTheDefaultsUnlessGiven(t *testing.T) {
	c, err := parsed(t, "ingest")
	if err != nil || c.Ingest.PartitionRate != dedup.DefaultRate {
		t.Errorf("got %v, %v, want %d", c.Ingest.PartitionRate, err, dedup.DefaultRate)
	}
}

// The shards of a running worker have room for the rate on the command line.
func TestThePartitionRateReachesTheShards(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	if err := bench.WriteMissingCity(filepath.Join(data, "reference"), 1); err != nil {
		t.Fatal(err)
	}
	c, err := parsed(t, "up", "--partition-rate=1234", "--partitions=2", "--data="+data,
		"--kafka-addr=127.0.0.1:0", "--clickhouse-addr=127.0.0.1:0", "--gateway-addr=127.0.0.1:0", "--office-addr=127.0.0.1:0", "--ops-addr=127.0.0.1:0", "--postgres-addr=127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	m, err := startMachine(t, c.Up.MachineFlags)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := m.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	}()
	bounds := dedup.ForRate(1234)
	window := dedup.NewRepeatFilter(bounds.WithDefaults().RepeatSpan, bounds.RepeatIDs)
	want := map[string]float64{"id": float64(window.Room()), "passage": float64(bounds.MaxPassages)}
	for until := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) { // the partitions are taken over
		all, err := m.Ops.Registry.Gather()
		if err != nil {
			t.Fatal(err)
		}
		seen := 0
		for _, f := range all {
			if f.GetName() != "anpr_pipeline_memory_room_count" {
				continue
			}
			for _, m := range f.GetMetric() {
				for _, l := range m.GetLabel() {
					if l.GetName() != "what" {
						continue
					}
					if got := m.GetGauge().GetValue(); got != want[l.GetValue()] {
						t.Fatalf("room for %v of %s, want %v", got, l.GetValue(), want[l.GetValue()])
					}
					seen++
				}
			}
		}
		if seen == 4 {
			return
		}
		if time.Now().After(until) {
			t.Fatalf("the memory of %d of 2 partitions is told", seen/2)
		}
	}
}
