package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/gvc-brussels/anpr/bench"
	"github.com/gvc-brussels/anpr/bench/harness"
)

// runLoad makes the city, writes the reference data when asked, sends the traffic and prints the result. It
// returns nil and no error when there was nothing to send.
func (o *loadOptions) runLoad(ctx context.Context, out, log io.Writer) (*bench.RunResult, error) {
	if err := o.checkFlags(); err != nil {
		return nil, err
	}
	day, start, err := o.trafficTimes(time.Now())
	if err != nil {
		return nil, err
	}
	city, err := bench.NewCity(bench.CityConfig{Seed: o.Seed, Signs: true, Cameras: o.Cameras, Vehicles: o.Vehicles, ListEntries: o.Entries, At: day})
	if err != nil {
		return nil, err
	}
	if o.Write {
		if err := city.WriteReference(o.Reference); err != nil {
			return nil, err
		}
		fmt.Fprintf(log, "reference data of %s, seed %d, written to %s\n", city.Day(), o.Seed, o.Reference)
	}
	if o.Target == "none" {
		return nil, nil
	}
	target, err := o.openTarget(ctx, city, out)
	if err != nil {
		return nil, err
	}
	cfg := bench.RunConfig{
		City: city, Traffic: o.trafficConfig(start), Target: target, Count: o.Count, Duration: o.Duration, Warmup: o.Warmup,
		WallClock: o.isLive() && start == 0, FullSpeed: o.FullSpeed, JSON: o.Format == "json", InFlight: o.InFlight, Drain: o.Drain, Progress: &bench.Progress{},
	}
	if err := o.addPictures(&cfg); err != nil {
		return nil, errors.Join(err, target.Close())
	}
	eyes, err := o.startWatch(ctx, &cfg)
	if err != nil {
		return nil, errors.Join(err, target.Close())
	}
	done := make(chan struct{})
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		if !o.Quiet {
			printProgress(log, cfg.Progress, done)
		}
	}()
	res, err := bench.Run(ctx, cfg)
	close(done)
	<-watched
	if err != nil {
		return nil, err
	}
	if err := o.saveVerdicts(res.Truth); err != nil {
		return nil, err
	}
	if eyes == nil {
		return res, o.writeReport(res, nil, out, log)
	}
	rep, err := o.finishWatch(ctx, eyes, res, log)
	if err != nil {
		return nil, err
	}
	return res, o.writeReport(res, rep, out, log)
}

// startWatch watches the pipeline when the flags say where it is; otherwise it returns nil.
func (o *loadOptions) startWatch(ctx context.Context, cfg *bench.RunConfig) (*harness.Watch, error) {
	if o.Kafka == "" && o.ClickHouse == "" && len(o.Ops) == 0 {
		return nil, nil
	}
	broker := o.Kafka
	if broker == "" {
		broker = strings.TrimPrefix(o.Target, "kafka://")
	}
	if strings.Contains(broker, "://") {
		return nil, errors.New("--kafka is needed to observe a gateway: hits and the lag are read from the broker")
	}
	user, password, dial, err := o.findLogin()
	if err != nil {
		return nil, err
	}
	tables := o.ClickHouse
	if u, err := url.Parse(tables); err == nil && tables != "" && u.User == nil && user != "" {
		u.User = url.UserPassword(user, password)
		tables = u.String()
	}
	w, err := harness.Start(ctx, harness.Config{
		Kafka: broker, Dial: dial, ClickHouse: tables, Database: o.Database, Ops: o.Ops, Poll: o.Poll, Gateway: strings.HasPrefix(o.Target, "http"),
	})
	if err != nil {
		return nil, err
	}
	w.Hook(cfg)
	return w, nil
}

// finishWatch waits for the pipeline and reports, also when the pipeline does not settle.
func (o *loadOptions) finishWatch(ctx context.Context, w *harness.Watch, res *bench.RunResult, log io.Writer) (*harness.RunReport, error) {
	wait, cancel := context.WithTimeout(context.WithoutCancel(ctx), o.Settle)
	defer cancel()
	if err := w.Settle(wait); err != nil {
		fmt.Fprintln(log, "anprload:", err)
	}
	return w.Finish(context.WithoutCancel(ctx), res)
}

// printProgress prints a line a second.
func printProgress(log io.Writer, p *bench.Progress, done <-chan struct{}) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for last := uint64(0); ; {
		select {
		case <-done:
			return
		case <-tick.C:
		}
		sent := p.Sent.Load() + p.Refused.Load()
		fmt.Fprintf(log, "%9d handed over, %9d answered (%d/s), %d overdue, %d given up\n", p.Handed.Load(), sent, sent-last, p.Overdue.Load(), p.Failed.Load())
		last = sent
	}
}

// writeReport prints the result and saves it: the load alone, or with the observations. On target stdout the text
// goes to the log.
func (o *loadOptions) writeReport(res *bench.RunResult, rep *harness.RunReport, out, log io.Writer) error {
	whole := any(res)
	if rep != nil {
		whole = rep
	}
	data, err := json.MarshalIndent(whole, "", "  ")
	if err != nil {
		return fmt.Errorf("write the result as JSON: %w", err)
	}
	data = append(data, '\n')
	if o.Out != "" {
		if err := os.WriteFile(o.Out, data, 0o644); err != nil { //nolint:gosec // a report, meant to be read
			return fmt.Errorf("save the result: %w", err)
		}
	}
	if o.Target == "stdout" {
		out = log
	}
	if o.JSON {
		_, err = out.Write(data)
	} else {
		_, err = io.WriteString(out, formatResult(res))
		if rep != nil {
			rep.WriteText(out)
		}
	}
	if err != nil {
		return fmt.Errorf("print the result: %w", err)
	}
	return nil
}

// formatResult is the result for people.
func formatResult(r *bench.RunResult) string {
	var b strings.Builder
	p := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	loop := "open loop: from the time each read was due"
	if !r.OpenLoop {
		loop = "CLOSED LOOP, from the hand-over: a stall of the target is hidden"
	}
	p("seed %d, day %s, traffic from %s, %d reads/s, hurry %d %%", r.CitySeed, r.Day, r.Start, r.Rate, r.HurryPct)
	p("scheduled %d   sent %d   refused %d   not sent %d   overdue %d   late by more than 5 s %d   retries %d   in %v", r.Scheduled, r.Sent, sumCounts(r.Refused), r.NotSent, r.Overdue, r.Buffered, r.Retries, r.Elapsed.Round(time.Millisecond))
	p("acknowledged (%s)", loop)
	printPercentiles(p, "  ack     ", &r.Ack)
	if r.OpenLoop {
		printPercentiles(p, "  dispatch", &r.Dispatch)
	}
	if len(r.Refused) > 0 {
		p("refused by the target: %s", formatCountsOrNone(r.Refused))
	}
	if r.FirstFail != "" {
		p("first failure: %s", r.FirstFail)
	}
	t := r.Truth
	p("truth: produced %d = unique %d + retransmissions %d + rejected %d", t.Produced, t.Unique, t.Retransmissions, t.Rejected)
	p("       of the unique: confused %d, repeats of parked vehicles %d; of all: late uploads %d, without country %d", t.Confused, t.ParkedRepeats, t.LateUploads, t.NoCountry)
	p("       rejects: %s", formatCountsOrNone(r.Rejects))
	p("       passings %d, measured %d; hits %d, speed offences %d, LEZ rows %d (and up to %d more that are undecided)", t.Passings, t.Measured, r.TruthHits, r.TruthSpd, r.TruthLEZ, r.TruthMay)
	if !r.Complete() {
		p("NOT COMPLETE: %d reads were not sent, so the truth is not that of what arrived", r.NotSent)
	}
	return b.String()
}

func printPercentiles(p func(string, ...any), name string, x *bench.Percentiles) {
	us := func(v int64) time.Duration { return time.Duration(v) * time.Microsecond }
	p("%s p50 %v  p90 %v  p99 %v  p99.9 %v  max %v  count %d", name, us(x.P50), us(x.P90), us(x.P99), us(x.P999), us(x.Max), x.Count)
}

func sumCounts(m map[string]uint64) (n uint64) {
	for _, v := range m {
		n += v
	}
	return n
}

func formatCountsOrNone(m map[string]uint64) string {
	names := make([]string, 0, len(m))
	for k, v := range m {
		names = append(names, fmt.Sprintf("%s %d", k, v))
	}
	slices.Sort(names)
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}
