package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"google.golang.org/protobuf/proto"

	"github.com/gvc-brussels/anpr/schemas"
	"github.com/gvc-brussels/anpr/schemas/proto/anprv1"
)

// killResult counts the rows that a repeatedly killed system made from the log.
type killResult struct {
	System string      `json:"system"`
	Log    string      `json:"log"`
	Does   string      `json:"does"`
	Absent string      `json:"absent,omitempty"`
	Kills  int         `json:"kills"`
	Seed   uint64      `json:"seed"`
	Took   float64     `json:"took_s"`
	Tally  rowTally    `json:"tally"`
	Topics *topicTally `json:"topics,omitempty"` // of ours
}

// topicTally holds what was published against the tables. Repeats carry the same id and are announced as possible.
type topicTally struct {
	Hits        int `json:"hits"`
	Offences    int `json:"offences"`
	Unpublished int `json:"unpublished"` // rows of the tables whose id is on no topic
	Unstored    int `json:"unstored"`    // ids on a topic without a row
	Repeats     int `json:"repeats"`
}

func (k *killResult) isExact() bool {
	t := k.Tally
	return t.Lost+t.Duplicated+t.Wrong == 0 && t.Rows == t.Expected && (k.Topics == nil || k.Topics.Unpublished+k.Topics.Unstored == 0)
}

// killAll kills every present system in turn, and reports whether ours lost and doubled nothing.
func (h *harness) killAll(ctx context.Context) (exact bool, err error) {
	var list []*killResult
	exact = true
	for _, s := range h.listSystems() {
		k := &killResult{System: s.name, Log: s.form, Does: s.does, Absent: s.absent, Seed: h.Seed}
		list = append(list, k)
		if s.absent != "" {
			continue
		}
		if err := h.killOne(ctx, s, k); err != nil {
			return false, fmt.Errorf("kill %s (seed %d, %d kills so far): %w", s.name, h.Seed, k.Kills, err)
		}
		if strings.HasPrefix(s.name, "anpr-") && !k.isExact() {
			exact = false
		}
	}
	return exact, h.writeKills(list)
}

// killOne starts the system again and again until the log is drained, and kills the system each time after some
// progress.
func (h *harness) killOne(ctx context.Context, s *system, k *killResult) (err error) {
	ctx, cancel := context.WithTimeout(ctx, h.Limit)
	defer cancel()
	rng := rand.New(rand.NewPCG(h.Seed, 0x6b696c6c)) //nolint:gosec // repeatable on purpose
	j := h.nextJob(s)
	j.rng = rng
	if err := s.prepare(ctx, j); err != nil {
		return err
	}
	defer func() {
		err = errors.Join(err, h.store.execAll(context.WithoutCancel(ctx), "DROP DATABASE "+j.db+" SYNC"))
	}()
	target, err := s.target(ctx, j)
	if err != nil {
		return err
	}
	began := time.Now()
	p, err := s.start(ctx, j)
	if err != nil {
		return err
	}
	defer func() {
		if p != nil {
			p.killProcess()
		}
	}()
	at := uint64(0)
	for k.Kills < h.Kills {
		// On average the kills are spread over the whole log.
		at += 1 + rng.Uint64N(2*(target-min(at, target))/uint64(h.Kills-k.Kills+1)+1)
		if at, err = h.waitForRows(ctx, s, j, p, min(at, target*99/100)); err != nil {
			return err
		}
		time.Sleep(time.Duration(rng.IntN(40)) * time.Millisecond) // anywhere in a batch, not just after one
		if p, err = h.killAndRestart(ctx, s, j, p); err != nil {
			return err
		}
		k.Kills++
		h.logLine("%s: kill %d at %d of %d rows", s.name, k.Kills, at, target)
	}
	if _, err = h.waitForRows(ctx, s, j, p, target); err != nil {
		return err
	}
	if err := h.waitUntilSettled(ctx, s, j); err != nil {
		return err
	}
	k.Took = time.Since(began).Seconds()
	if s.end != nil {
		err = s.end(ctx, j)
	}
	if err := errors.Join(err, p.stopProcess(ctx)); err != nil {
		return err
	}
	if k.Tally, err = s.count(ctx, j); err == nil && strings.HasPrefix(s.name, "anpr-") {
		k.Topics, err = h.countTopics(ctx, j)
	}
	return err
}

// waitForRows waits until so many rows are stored and returns how many are.
func (h *harness) waitForRows(ctx context.Context, s *system, j *job, p *peerProcess, rows uint64) (uint64, error) {
	for {
		n, err := s.progress(ctx, j)
		if err == nil && n >= rows {
			return n, nil
		}
		select {
		case <-p.endedChannel():
			return n, p.failureError("it ended by itself")
		case <-ctx.Done():
			return n, errors.Join(p.failureError(fmt.Sprintf("not done in %v: %d of %d rows", h.Limit, n, rows)), err)
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// killAndRestart kills the system, which may be the database itself, and starts the system again. It removes the
// dead member from the group; otherwise the group would notice only at the end of the member's session.
func (h *harness) killAndRestart(ctx context.Context, s *system, j *job, p *peerProcess) (*peerProcess, error) {
	if s.inServer {
		if err := syscall.Kill(h.engine.PID(), syscall.SIGKILL); err != nil {
			return nil, fmt.Errorf("kill ClickHouse: %w", err)
		}
		<-h.engine.Done()
		if err := h.forgetMembers(ctx, j); err != nil {
			return nil, err
		}
		return nil, h.startEngine(ctx)
	}
	p.killProcess()
	if err := h.forgetMembers(ctx, j); err != nil {
		return nil, err
	}
	return s.start(ctx, j)
}

func (h *harness) forgetMembers(ctx context.Context, j *job) error {
	cl, err := kgo.NewClient(kgo.SeedBrokers(j.log.broker.addr))
	if err != nil {
		return fmt.Errorf("connect to the broker: %w", err)
	}
	defer cl.Close()
	groups, err := kadm.NewClient(cl).DescribeGroups(ctx, j.group)
	if err != nil {
		return fmt.Errorf("members of the group: %w", err)
	}
	req := kmsg.NewPtrLeaveGroupRequest()
	req.Group = j.group
	for _, m := range groups[j.group].Members {
		member := kmsg.NewLeaveGroupRequestMember()
		member.MemberID = m.MemberID
		req.Members = append(req.Members, member)
	}
	if len(req.Members) == 0 {
		return nil
	}
	if _, err := req.RequestWith(ctx, cl); err != nil {
		return fmt.Errorf("remove the dead from the group: %w", err)
	}
	return nil
}

// waitUntilSettled waits for late rows: a peer may insert a batch again after the last row was seen. The committed
// offsets must stand at the end of the log, and the number of rows must not change for two seconds.
func (h *harness) waitUntilSettled(ctx context.Context, s *system, j *job) error {
	cl, err := kgo.NewClient(kgo.SeedBrokers(j.log.broker.addr))
	if err != nil {
		return fmt.Errorf("connect to the broker: %w", err)
	}
	defer cl.Close()
	adm := kadm.NewClient(cl)
	still, last := 0, uint64(0)
	for {
		lag, err := adm.Lag(ctx, j.group)
		n, err2 := s.progress(ctx, j)
		if err == nil && err2 == nil && lag[j.group].Lag.Total() == 0 && n == last {
			if still++; still >= 20 {
				return nil
			}
		} else {
			still = 0
		}
		last = n
		select {
		case <-ctx.Done():
			return fmt.Errorf("the group did not commit the end of the log in %v: lag %d, %w", h.Limit, lag[j.group].Lag.Total(), errors.Join(err, err2, ctx.Err()))
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// countTopics reads the output topics and holds their ids against the tables.
func (h *harness) countTopics(ctx context.Context, j *job) (*topicTally, error) {
	t := &topicTally{}
	for _, of := range []struct {
		topic, column string
		n             *int
		id            func([]byte) ([]byte, error)
	}{
		{schemas.TopicHits, "hit_id FROM " + j.db + ".hits", &t.Hits, func(b []byte) ([]byte, error) {
			var m anprv1.Hit
			err := proto.Unmarshal(b, &m)
			return m.GetHitId(), err
		}},
		{schemas.TopicOffences, "offence_id FROM " + j.db + ".offences", &t.Offences, func(b []byte) ([]byte, error) {
			var m anprv1.Offence
			err := proto.Unmarshal(b, &m)
			return m.GetOffenceId(), err
		}},
	} {
		published := map[string]int{}
		err := scanTopic(ctx, j.log.broker.addr, of.topic, func(r *kgo.Record) error {
			raw, err := of.id(r.Value)
			if err != nil || len(raw) != len(schemas.ID{}) {
				return fmt.Errorf("%s at %d/%d is not understood: %w", of.topic, r.Partition, r.Offset, err)
			}
			published[schemas.ID(raw).String()]++
			return nil
		})
		if err != nil {
			return nil, err
		}
		stored, err := h.store.queryStrings(ctx, "SELECT DISTINCT toString("+strings.Replace(of.column, " FROM", ") FROM", 1))
		if err != nil {
			return nil, err
		}
		*of.n = len(stored)
		for _, id := range stored {
			if n := published[id]; n == 0 {
				t.Unpublished++
			} else {
				t.Repeats += n - 1
			}
			delete(published, id)
		}
		t.Unstored += len(published)
	}
	return t, nil
}

// writeKills prints the table and saves both forms.
func (h *harness) writeKills(list []*killResult) error {
	var b strings.Builder
	p := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	p("Kill -9 at random moments while the log of %d records is drained, counted without FINAL. Seed %d. Command: `bin/peers %s`.", h.Count, h.Seed, strings.Join(os.Args[1:], " "))
	p("")
	p("| system | log | kills | records | rows | lost | duplicated | wrong | hits and offences: stored / unpublished / unstored / repeated |")
	p("|---|---|---|---|---|---|---|---|---|")
	for _, k := range list {
		if k.Absent != "" {
			p("| %s | %s | 0 | %s | | | | | |", k.System, k.Log, k.Absent)
			continue
		}
		out := "has none"
		if t := k.Topics; t != nil {
			out = fmt.Sprintf("%d / %d / %d / %d", t.Hits+t.Offences, t.Unpublished, t.Unstored, t.Repeats)
		}
		p("| %s | %s | %d | %d | %d | %d | %d | %d | %s |", k.System, k.Log, k.Kills, k.Tally.Expected, k.Tally.Rows, k.Tally.Lost, k.Tally.Duplicated, k.Tally.Wrong, out)
	}
	if _, err := io.WriteString(h.out, b.String()); err != nil {
		return fmt.Errorf("print the result: %w", err)
	}
	if h.Out == "" {
		return nil
	}
	data, err := json.MarshalIndent(list, "", "  ")
	if err != nil {
		return fmt.Errorf("write the result as JSON: %w", err)
	}
	return saveResult(h.Out, append(data, '\n'), b.String())
}
