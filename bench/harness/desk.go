package harness

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/gvc-brussels/anpr/bench"
)

// Desk is a pipeline with an office at which people work, as processes.
type Desk struct {
	*processStack
	office string
	ops    string
	cfg    StackConfig
	broker *brokerOffsets
}

// OpenDesk starts broker, databases, a worker and an office with the users of a file, in a new directory. Stop ends them
// and removes the directory.
func OpenDesk(ctx context.Context, w *Where, cfg *StackConfig, users string) (d *Desk, err error) {
	if w.Kafka != "" {
		return nil, errors.New("the desk is measured with the broker and the databases that it starts")
	}
	s, err := startStack(ctx, w, cfg, &Case{Target: "kafka"})
	if err != nil {
		return nil, err
	}
	d = &Desk{processStack: s, cfg: *cfg}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.stopAll())
		}
	}()
	file := filepath.Join(s.dir, "users.yaml")
	if err = os.WriteFile(file, []byte(users), 0o600); err != nil {
		return d, err
	}
	addr, err := freeAddrs(ctx, 2)
	if err != nil {
		return d, err
	}
	d.office, d.ops, d.broker = "http://"+addr[0], "http://"+addr[1], newBroker(s.watch.Kafka, "anpr-ingest", s.watch.Dial)
	p, err := s.startProcess("office", w.Program, "--log-level", "warn", "office", "--reference", filepath.Join(s.dir, "reference"), "--data", s.dataDir(),
		"--users", file, "--office-addr", addr[0], "--ops-addr", addr[1], "--images", d.Images())
	if err != nil {
		return d, err
	}
	return d, p.waitReady(ctx, acceptsConnections(addr[0]))
}

// Office is the address of the office.
func (d *Desk) Office() string { return d.office }

// Data is the directory whose run file names the databases and their passwords.
func (d *Desk) Data() string { return d.dataDir() }

// Images is the directory of the image store.
func (d *Desk) Images() string { return filepath.Join(d.dir, "images") }

// City is the city of the reference data.
func (d *Desk) City() *bench.City { return d.city }

// Stop ends the processes, the last started first, and removes their directory.
func (d *Desk) Stop() error {
	d.broker.closeIdle()
	return d.stopAll()
}

// Lag is the number of records that the worker has not committed.
func (d *Desk) Lag(ctx context.Context) (int64, error) {
	lag, _, err := d.broker.groupLag(ctx)
	return lag, err
}

// Ingest sends reads at a rate for a time, from now, and returns what was sent. Calls with different seeds send different
// reads.
func (d *Desk) Ingest(ctx context.Context, rate int, length time.Duration, seed uint64) (*bench.RunResult, error) {
	target, err := d.target(ctx)
	if err != nil {
		return nil, err
	}
	return bench.Run(ctx, bench.RunConfig{
		City: d.city, Target: target, Duration: length, WallClock: true, InFlight: 1 << 18, Drain: time.Minute,
		Traffic: bench.TrafficConfig{Seed: seed, Rate: rate, ListedShare: d.cfg.ListedPPM},
	})
}

// Profile takes a CPU profile of the office for a time and writes it to a file.
func (d *Desk) Profile(ctx context.Context, length time.Duration, path string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("%s/debug/pprof/profile?seconds=%d", d.ops, max(1, int(length.Seconds()))), nil)
	if err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("profile the office: %w", err)
	}
	defer func() { _ = res.Body.Close() }()
	data, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		return fmt.Errorf("profile the office: %s: %w", res.Status, err)
	}
	return os.WriteFile(path, data, 0o644) //nolint:gosec // a profile, not a secret
}
