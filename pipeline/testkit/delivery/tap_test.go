package delivery

import (
	"context"
	"fmt"
	"io"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/gvc-brussels/anpr/pipeline/ingest"
	"github.com/gvc-brussels/anpr/pipeline/ingest/shard"
	"github.com/gvc-brussels/anpr/schemas"
)

// step is a place in the protocol that a worker passes.
type step string

const (
	beforePlan   step = "before plan"
	afterPlan    step = "after plan"
	insideInsert step = "inside insert"
	afterInsert  step = "after insert"
	beforeCommit step = "before commit"
	afterCommit  step = "after commit"

	insideRebuild step = "inside rebuild" // the partition is read back, the batch under way is not yet made again
)

// fault is what a worker does to itself at a step.
type fault struct {
	At     step
	Nth    int // passing of the step at which the fault happens, from 1; 0 = never
	Signal syscall.Signal
	After  time.Duration // after the step was reached; for insideInsert
	Unplan bool          // mutant: commits carry no plan
}

// tap tells the parent process how far the worker is and strikes at the chosen step.
type tap struct {
	out   io.Writer // nil: tells nobody
	fault fault

	mu sync.Mutex // guards the fields below
	n  int
}

// pass is called by the worker at each step. After the fault's signal a stopped worker goes on here.
func (t *tap) pass(s step, partition int32, from, to int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.out != nil {
		fmt.Fprintf(t.out, "%s|%d|%d|%d\n", s, partition, from, to)
	}
	if t.fault.Nth == 0 || s != t.fault.At {
		return
	}
	if t.n++; t.n != t.fault.Nth {
		return
	}
	strike := func() { _ = syscall.Kill(os.Getpid(), t.fault.Signal) }
	if t.fault.After > 0 {
		time.AfterFunc(t.fault.After, strike)
		return
	}
	fmt.Fprintf(t.out, "struck|%d|%d|%d\n", partition, from, to)
	strike()
	if t.fault.Signal == syscall.SIGKILL {
		select {} // the signal may take a moment to arrive
	}
}

type tappedGroup struct {
	ingest.ConsumerGroup
	t *tap
}

func (g tappedGroup) Next(ctx context.Context) (ingest.Generation, error) {
	s, err := g.ConsumerGroup.Next(ctx)
	if err != nil {
		return nil, err
	}
	return tappedSession{s, g.t}, nil
}

type tappedSession struct {
	ingest.Generation
	t *tap
}

func (s tappedSession) Commit(ctx context.Context, partition int32, offset int64, metadata string) error {
	p, err := ingest.ParsePlan(metadata, offset)
	if err != nil {
		panic("BUG: " + err.Error())
	}
	before, after := beforeCommit, afterCommit
	if p.UnderWay() {
		before, after = beforePlan, afterPlan
	}
	if s.t.fault.Unplan {
		metadata = ""
	}
	s.t.pass(before, partition, p.Start, p.End)
	if err := s.Generation.Commit(ctx, partition, offset, metadata); err != nil {
		return err
	}
	s.t.pass(after, partition, p.Start, p.End)
	return nil
}

// tappedState hides the batches rows from a worker without plans, which would stop where its commit contradicts
// the tables.
type tappedState struct {
	ingest.State
	t *tap
}

func (s tappedState) Reached(ctx context.Context, topic string, partition int32) (ingest.StoredExtent, error) {
	if s.t.fault.Unplan {
		return ingest.StoredExtent{}, nil
	}
	return s.State.Reached(ctx, topic, partition)
}

type tappedSink struct {
	ingest.Sink
	t *tap
}

func (s tappedSink) Insert(ctx context.Context, rg ingest.Range, t *shard.Totals, b ingest.Block) error {
	s.t.pass(insideInsert, rg.Partition, rg.Start, rg.End)
	if err := s.Sink.Insert(ctx, rg, t, b); err != nil {
		return err
	}
	s.t.pass(afterInsert, rg.Partition, rg.Start, rg.End)
	return nil
}

func (s tappedState) Offences(ctx context.Context, partition int32, below int64, since schemas.Day) ([]schemas.PriorOffence, error) {
	s.t.pass(insideRebuild, partition, below, below)
	return s.State.Offences(ctx, partition, below, since)
}
