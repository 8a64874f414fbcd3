package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"github.com/gvc-brussels/anpr/bench"
	"github.com/gvc-brussels/anpr/pipeline/platform/embedded"
)

// harness is a run: the logs, the database, the directory.
type harness struct {
	*peersOptions
	dir       string
	day       time.Time
	out, log  io.Writer
	reference string
	opsAddr   string
	logs      map[string]*topicLog
	engine    *embedded.ClickHouseEngine
	user      embedded.EngineUser // of the engine, for every system
	store     *store
	seq       int // of databases and groups
}

func (h *harness) logLine(format string, args ...any) { fmt.Fprintf(h.log, format+"\n", args...) }

// runAll measures, or kills, and reports whether nothing of ours was lost or duplicated.
func (o *peersOptions) runAll(ctx context.Context, out, log io.Writer) (exact bool, err error) {
	if o.Count < 1 || o.Rounds < 1 || o.Partitions < 1 || o.Kills < 0 {
		return false, errors.New("--count, --rounds and --partitions must be above 0, --kills not below")
	}
	h := &harness{peersOptions: o, out: out, log: log, day: time.Now(), logs: map[string]*topicLog{}}
	if h.dir = o.Dir; h.dir == "" {
		if h.dir, err = os.MkdirTemp(bench.DataDir(), "anpr-peers-"); err != nil {
			return false, fmt.Errorf("make a directory to work in: %w", err)
		}
		defer func() { err = errors.Join(err, os.RemoveAll(h.dir)) }()
	}
	defer func() { err = errors.Join(err, h.closeAll(context.WithoutCancel(ctx))) }()
	if err := h.startAll(ctx); err != nil {
		return false, err
	}
	if o.Kills > 0 {
		return h.killAll(ctx)
	}
	return h.measureAll(ctx)
}

func (h *harness) startAll(ctx context.Context) error {
	if _, err := os.Stat(h.Anpr); err != nil {
		return fmt.Errorf("the program under test: %w: build it with make build, or name it with --anpr", err)
	}
	var err error
	if h.opsAddr, err = freeAddr(ctx); err != nil {
		return err
	}
	h.user = embedded.HarnessUser("peers", embedded.NewPassword(), "GRANT TABLE ENGINE ON Kafka", "GRANT READ, WRITE ON KAFKA")
	if err := h.fillLogs(ctx); err != nil { // before the engine, which is told the ports that it may connect to
		return err
	}
	if err := h.startEngine(ctx); err != nil {
		return err
	}
	for _, form := range forms {
		if err := h.store.storeExpected(ctx, h.logs[form]); err != nil {
			return err
		}
	}
	return nil
}

func (h *harness) startEngine(ctx context.Context) (err error) {
	native := "127.0.0.1:0"
	if h.engine != nil { // again after a kill, at the same addresses
		native = h.engine.NativeAddr()
	}
	h.engine, err = embedded.StartClickHouse(ctx, embedded.ClickHouseConfig{
		DataDir: filepath.Join(h.dir, "clickhouse"), NativeAddr: native, Fsync: h.Fsync, Progress: h.log,
		Users: []embedded.EngineUser{h.user}, Reach: h.brokerPorts(),
	})
	if err != nil {
		return err
	}
	if h.store == nil {
		h.store, err = openStore(h.engine.NativeAddr(), h.user.Name, h.user.Password)
	}
	return err
}

// brokerPorts returns the ports of the logs, for ClickHouse's own Kafka engine.
func (h *harness) brokerPorts() (out []uint16) {
	for _, l := range h.logs {
		if at, err := netip.ParseAddrPort(l.broker.addr); err == nil {
			out = append(out, at.Port())
		}
	}
	return out
}

// accountEnv is how our own program logs in to the engine.
func (h *harness) accountEnv() []string {
	return append([]string{"ANPR_CLICKHOUSE_USER=" + h.user.Name, "ANPR_CLICKHOUSE_PASSWORD=" + h.user.Password}, h.Env...)
}

// freeAddr finds a free port.
func freeAddr(ctx context.Context) (string, error) {
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("find a free port: %w", err)
	}
	return ln.Addr().String(), ln.Close()
}

func (h *harness) closeAll(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	var errs []error
	if h.store != nil {
		errs = append(errs, h.store.conn.Close())
	}
	if h.engine != nil {
		errs = append(errs, h.engine.Stop(ctx))
	}
	for _, l := range h.logs {
		errs = append(errs, l.broker.stopBroker())
	}
	return errors.Join(errs...)
}

// nextJob makes the job for a start of a system.
func (h *harness) nextJob(s *system) *job {
	h.seq++
	return &job{h: h, log: h.logs[s.form], group: fmt.Sprintf("peers-%d", h.seq), db: fmt.Sprintf("peers_%d", h.seq)}
}

// measureAll runs every system once a round, in a rotating order.
func (h *harness) measureAll(ctx context.Context) (exact bool, err error) {
	r := newReport(h)
	list := h.listSystems()
	for round := range h.Rounds {
		for i := range list {
			s := list[(i+round)%len(list)]
			if s.absent != "" {
				if round == 0 {
					h.logLine("%s: %s", s.name, s.absent)
				}
				continue
			}
			m, err := h.measureSystem(ctx, s, round)
			if err != nil {
				return false, fmt.Errorf("%s, round %d: %w", s.name, round+1, err)
			}
			r.addMeasurement(s, m)
			h.logLine("round %d  %-24s %s", round+1, s.name, m)
		}
	}
	r.computeMedians(list)
	return r.isExact(), r.writeResult(h.out, h.Out)
}

// measureSystem lets a system drain the log once.
func (h *harness) measureSystem(ctx context.Context, s *system, round int) (m *measurement, err error) {
	ctx, cancel := context.WithTimeout(ctx, h.Limit)
	defer cancel()
	j := h.nextJob(s)
	if err := s.prepare(ctx, j); err != nil {
		return nil, err
	}
	defer func() {
		err = errors.Join(err, h.store.execAll(context.WithoutCancel(ctx), "DROP DATABASE "+j.db+" SYNC"))
	}()
	target, err := s.target(ctx, j)
	if err != nil {
		return nil, err
	}
	if err := j.log.broker.sendCommand(cmdClose); err != nil {
		return nil, err
	}
	p, err := s.start(ctx, j)
	if err != nil {
		return nil, err
	}
	defer func() {
		if p != nil {
			p.killProcess() // when the process has not ended in order
		}
	}()
	if err := j.log.broker.awaitReaders(ctx, p, j.group); err != nil {
		return nil, err
	}
	profiled := h.saveProfiles(ctx, s, round)
	m, err = h.drainLog(ctx, s, j, p, target)
	if err != nil {
		return nil, err
	}
	if err := <-profiled; err != nil {
		return nil, err
	}
	if s.end != nil {
		err = s.end(ctx, j)
	}
	if err := errors.Join(err, p.stopProcess(ctx)); err != nil {
		return nil, err
	}
	if p != nil {
		m.Whole = inSeconds(p.cmd.ProcessState.UserTime() + p.cmd.ProcessState.SystemTime())
	}
	if m.Tables, err = h.store.rowsByTable(ctx, j.db); err != nil {
		return nil, err
	}
	m.Tally, err = s.count(ctx, j)
	return m, err
}

// pollEvery is how often the table is asked how far it is; the answer costs the server a millisecond or two.
const pollEvery = 50 * time.Millisecond

// drainLog opens the gate and returns the time and CPU used until the last row was visible.
func (h *harness) drainLog(ctx context.Context, s *system, j *job, p *peerProcess, target uint64) (*measurement, error) {
	events, err := h.store.serverCounters(ctx)
	if err != nil {
		return nil, err
	}
	before, err := h.readUsage(j, p)
	if err != nil {
		return nil, err
	}
	began := time.Now()
	if err := j.log.broker.sendCommand(cmdOpen); err != nil {
		return nil, err
	}
	timer := time.NewTicker(pollEvery)
	defer timer.Stop()
	for {
		select {
		case <-timer.C:
		case <-p.endedChannel():
			return nil, p.failureError("it ended before the log was drained")
		case <-ctx.Done():
			at, _ := s.progress(context.WithoutCancel(ctx), j)
			return nil, p.failureError(fmt.Sprintf("not drained in %v: %d of %d", h.Limit, at, target))
		}
		n, err := s.progress(ctx, j)
		if err != nil {
			return nil, err
		}
		if n >= target {
			break
		}
	}
	took := time.Since(began)
	after, err := h.readUsage(j, p)
	if err != nil {
		return nil, err
	}
	m := &measurement{Rows: target, Wall: took.Seconds(), PerSecond: float64(target) / took.Seconds()}
	each := func(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1000 / float64(target) }
	m.Client = each(after.client.totalTime() - before.client.totalTime())
	m.ClientSystem = each(after.client.system - before.client.system)
	m.Server = each(after.server.totalTime() - before.server.totalTime())
	m.Broker = each(after.broker.totalTime() - before.broker.totalTime())
	if m.Events, err = h.store.serverCounters(ctx); err != nil {
		return nil, err
	}
	for name, n := range events {
		if m.Events[name] -= n; m.Events[name] == 0 {
			delete(m.Events, name)
		}
	}
	if p != nil {
		m.Memory, err = peakMemory(p.cmd.Process.Pid)
	}
	return m, err
}

// processUsage is the CPU time of the three processes.
type processUsage struct{ client, server, broker cpuUsage }

func (h *harness) readUsage(j *job, p *peerProcess) (u processUsage, err error) {
	if p != nil {
		if u.client, err = readCPU(p.cmd.Process.Pid); err != nil {
			return u, err
		}
	}
	if u.server, err = readCPU(h.engine.PID()); err != nil {
		return u, err
	}
	u.broker, err = readCPU(j.log.broker.cmd.Process.Pid)
	return u, err
}

func inSeconds(d time.Duration) float64 { return d.Seconds() }
