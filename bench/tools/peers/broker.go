package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/gvc-brussels/anpr/schemas"
)

// brokerArg is the hidden first argument of the broker child. The broker runs as a separate process, so that its CPU
// time counts for no system.
const brokerArg = "__broker"

// Commands of the harness to its broker, and the broker's answers.
const (
	cmdClose = "close"   // hold every fetch of the reads topic back
	cmdOpen  = "open"    // answer them
	cmdSeal  = "seal"    // refuse to append to the reads topic from now on: every system must find the same log
	sayAddr  = "addr "   // followed by host:port, once, at the start
	sayAsked = "waiting" // every partition has been asked for since the gate was closed
)

// gate holds the fetches of the reads topic back until every reader has started. So no figure includes the start of a
// program, with the loading of registers and the joining of a group.
type gate struct {
	cluster    *kfake.Cluster
	partitions int
	out        io.Writer

	mu    sync.Mutex // guards the fields below
	wait  chan struct{}
	asked map[int32]bool
}

// brokerChild serves until standard input ends.
func brokerChild(partitions int) error {
	c, err := kfake.NewCluster(
		kfake.NumBrokers(1), kfake.ClusterID("anpr-bench"), kfake.SeedTopics(int32(partitions), schemas.TopicReads),
		kfake.SeedTopics(int32(partitions), schemas.TopicHits, schemas.TopicOffences), kfake.SeedTopics(1, schemas.TopicRejects),
		kfake.BrokerConfigs(map[string]string{"message.max.bytes": "8454144", "log.retention.ms": "-1", "log.retention.bytes": "-1"}),
		kfake.GroupMinSessionTimeout(time.Second), kfake.GroupMaxSessionTimeout(5*time.Minute),
	)
	if err != nil {
		return fmt.Errorf("start broker: %w", err)
	}
	defer c.Close()
	g := &gate{cluster: c, partitions: partitions, out: os.Stdout}
	fmt.Fprintf(g.out, "%s%s\n", sayAddr, c.ListenAddrs()[0])
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		switch lines.Text() {
		case cmdClose:
			g.shutGate()
		case cmdOpen:
			g.openGate()
		case cmdSeal:
			c.ControlKey(int16(kmsg.Produce), refuseProduce)
		}
	}
	g.openGate()
	return lines.Err()
}

func (g *gate) shutGate() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.wait != nil {
		return
	}
	g.wait, g.asked = make(chan struct{}), map[int32]bool{}
	g.cluster.ControlKey(int16(kmsg.Fetch), g.holdFetch)
}

func (g *gate) openGate() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.wait != nil {
		close(g.wait)
		g.wait = nil
	}
}

// holdFetch is called for a fetch, in the cluster's own goroutine.
func (g *gate) holdFetch(req kmsg.Request) (kmsg.Response, error, bool) {
	g.mu.Lock()
	wait := g.wait
	if wait == nil {
		g.mu.Unlock()
		g.cluster.DropControl()
		return nil, nil, false
	}
	before := len(g.asked)
	for _, t := range req.(*kmsg.FetchRequest).Topics {
		for _, p := range t.Partitions {
			g.asked[p.Partition] = true
		}
	}
	if before < g.partitions && len(g.asked) >= g.partitions {
		fmt.Fprintln(g.out, sayAsked)
	}
	g.mu.Unlock()
	// A short wait: the client's next request may wait behind this answer on the same connection.
	opened := false
	g.cluster.SleepControl(func() {
		select {
		case <-wait:
			opened = true
		case <-time.After(holdFor):
		}
	})
	if opened {
		return nil, nil, false
	}
	g.cluster.KeepControl()
	return emptyFetchResponse(req.(*kmsg.FetchRequest)), nil, true
}

// holdFor is the time that a fetch waits at the closed gate before the answer that the log is empty.
const holdFor = 50 * time.Millisecond

// emptyFetchResponse answers a fetch as if the log were empty, outside any fetch session.
func emptyFetchResponse(req *kmsg.FetchRequest) *kmsg.FetchResponse {
	resp := req.ResponseKind().(*kmsg.FetchResponse)
	for _, t := range req.Topics {
		rt := kmsg.NewFetchResponseTopic()
		rt.Topic, rt.TopicID = t.Topic, t.TopicID
		for _, p := range t.Partitions {
			rp := kmsg.NewFetchResponseTopicPartition()
			rp.Partition, rp.RecordBatches = p.Partition, []byte{}
			rp.HighWatermark, rp.LastStableOffset = p.FetchOffset, p.FetchOffset
			rt.Partitions = append(rt.Partitions, rp)
		}
		resp.Topics = append(resp.Topics, rt)
	}
	return resp
}

// refuseProduce answers a produce request to the reads topic with an error that is not retried; others pass.
func refuseProduce(req kmsg.Request) (kmsg.Response, error, bool) {
	produce := req.(*kmsg.ProduceRequest)
	resp := produce.ResponseKind().(*kmsg.ProduceResponse)
	for _, t := range produce.Topics {
		if t.Topic != schemas.TopicReads {
			return nil, nil, false
		}
		rt := kmsg.NewProduceResponseTopic()
		rt.Topic = t.Topic
		for _, p := range t.Partitions {
			rp := kmsg.NewProduceResponseTopicPartition()
			rp.Partition, rp.ErrorCode = p.Partition, kerr.PolicyViolation.Code
			rt.Partitions = append(rt.Partitions, rp)
		}
		resp.Topics = append(resp.Topics, rt)
	}
	return resp, nil, true
}

// peersBroker is a running broker child.
type peersBroker struct {
	addr  string
	cmd   *exec.Cmd
	stdin io.WriteCloser
	asked chan struct{} // told when every partition has been asked for
	ended chan struct{}
}

func startBroker(partitions int) (*peersBroker, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program's own binary: %w", err)
	}
	b := &peersBroker{asked: make(chan struct{}, 1), ended: make(chan struct{})}
	b.cmd = exec.Command(self, brokerArg, strconv.Itoa(partitions)) //nolint:noctx // lives until stop
	b.cmd.Stderr = os.Stderr
	out, err := b.cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("start broker: %w", err)
	}
	if b.stdin, err = b.cmd.StdinPipe(); err != nil {
		return nil, fmt.Errorf("start broker: %w", err)
	}
	if err := b.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start broker: %w", err)
	}
	lines := bufio.NewScanner(out)
	if lines.Scan() {
		b.addr, _ = strings.CutPrefix(lines.Text(), sayAddr)
	}
	if b.addr == "" {
		return nil, errors.Join(errors.New("the broker did not start"), b.stopBroker())
	}
	go func() {
		defer close(b.ended)
		for lines.Scan() {
			if lines.Text() == sayAsked {
				b.asked <- struct{}{}
			}
		}
	}()
	return b, nil
}

func (b *peersBroker) sendCommand(cmd string) error {
	if _, err := fmt.Fprintln(b.stdin, cmd); err != nil {
		return fmt.Errorf("the broker has ended: %w", err)
	}
	return nil
}

// awaitReaders returns when somebody has asked for every partition and the group has not changed for a second, or
// with an error when p ended before.
func (b *peersBroker) awaitReaders(ctx context.Context, p *peerProcess, group string) error {
	select {
	case <-b.asked:
		return b.awaitStable(ctx, p, group)
	case <-b.ended:
		return errors.New("the broker has ended")
	case <-p.endedChannel():
		return p.failureError("it ended before it read anything")
	case <-ctx.Done():
		return p.failureError("it did not read every partition: " + ctx.Err().Error())
	}
}

func (b *peersBroker) awaitStable(ctx context.Context, p *peerProcess, group string) error {
	cl, err := kgo.NewClient(kgo.SeedBrokers(b.addr))
	if err != nil {
		return fmt.Errorf("connect to the broker: %w", err)
	}
	defer cl.Close()
	adm := kadm.NewClient(cl)
	for members, still := 0, 0; still < 10; {
		groups, err := adm.DescribeGroups(ctx, group)
		g := groups[group]
		if n := len(g.Members); err == nil && g.State == "Stable" && n > 0 && n == members {
			still++
		} else {
			members, still = n, 0
		}
		select {
		case <-p.endedChannel():
			return p.failureError("it ended before it read anything")
		case <-ctx.Done():
			return p.failureError("its group did not come to rest: " + ctx.Err().Error())
		case <-time.After(100 * time.Millisecond):
		}
	}
	return nil
}

func (b *peersBroker) stopBroker() error {
	_ = b.stdin.Close()
	timer := time.AfterFunc(10*time.Second, func() { _ = b.cmd.Process.Signal(syscall.SIGKILL) })
	defer timer.Stop()
	if err := b.cmd.Wait(); err != nil {
		return fmt.Errorf("stop broker: %w", err)
	}
	return nil
}
