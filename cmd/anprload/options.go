package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/gvc-brussels/anpr/bench"
	"github.com/gvc-brussels/anpr/schemas"
)

const description = "Sends the traffic of a seeded city at a fixed rate, and says what a correct pipeline must find in it."

// loadOptions are the flags. The zero value of a number means the default of package bench.
type loadOptions struct {
	Target string `required:"" placeholder:"TARGET" help:"Where to send: kafka://host:port, http://host:port of the gateway (also written 'gateway http://host:port'), file:PATH, stdout, or none to only write the reference data."`

	Seed      uint64        `default:"1" help:"Seed of the city and the traffic: the same seed, day and start give the same bytes."`
	Rate      int           `default:"115" help:"Reads per second of schedule. Read i is due at start + i/rate, whatever the target does."`
	Duration  time.Duration `help:"How long to send. Either this or --count."`
	Count     uint64        `help:"How many reads to send."`
	FullSpeed bool          `name:"as-fast-as-possible" help:"Send as fast as the target takes it; latency then hides stalls. Needs --count."`

	Reference string `placeholder:"DIR" help:"Reference data directory: camera tokens are read from it."`
	Write     bool   `name:"write-reference" help:"Write the city's reference data into --reference first."`
	Cameras   int    `help:"Fixed cameras (default 450, with 48 temporary ones in proportion)."`
	Vehicles  int    `help:"Vehicles (default 200000)."`
	Entries   int    `name:"list-entries" help:"Hotlist entries (default 5000)."`

	Day      string `placeholder:"2026-11-21" help:"Day the reference data is for (default: the day of --start, else today in Brussels)."`
	Start    string `placeholder:"RFC3339" help:"Time in the traffic at the first read. Default: now for Kafka and the gateway; 07:00 of the day for files, so that they repeat."`
	Profile  string `enum:"flat,rush-hour" default:"flat" help:"flat: constant rate. rush-hour: follows a Brussels day, --rate is its mean."`
	Compress int    `default:"1" help:"Seconds of traffic per second of schedule. 144 puts a day into ten minutes."`
	Clean    bool   `help:"No dirt: no misreads, retransmissions, parked cars, outages or rejects."`
	Listed   int    `name:"listed-ppm" help:"Journeys driven by a listed vehicle, per million (default 5000)."`

	Format   string        `enum:"protobuf,json" default:"protobuf" help:"Form of the records, for Kafka and files."`
	Topic    string        `help:"Kafka topic (default anpr.reads.v1)."`
	Lanes    int           `help:"Connections to the gateway (default 64)."`
	InFlight int           `name:"in-flight" help:"Reads on their way at most (default 65536). Beyond it the schedule goes on and reads count as overdue."`
	Drain    time.Duration `default:"30s" help:"How long to wait at the end for what is on its way."`

	Kafka      string        `placeholder:"HOST:PORT" help:"Observe: the broker with the hit and offence topics. Default: that of --target kafka://."`
	Up         string        `placeholder:"DIR" type:"path" env:"ANPR_DATA" help:"Data directory of an anpr up, or engine serve, on this machine: the passwords of its broker and ClickHouse are read there."`
	ClickHouse string        `name:"clickhouse" placeholder:"URL" help:"Observe: http://host:port of ClickHouse. Polled for what is visible, and counted at the end."`
	Database   string        `default:"anpr" help:"ClickHouse database."`
	Ops        []string      `placeholder:"URL" help:"Observe: http://host:port of each worker's ops port, for the stages inside it."`
	Poll       time.Duration `default:"20ms" help:"How often ClickHouse is asked what is visible."`
	Warmup     time.Duration `help:"First part of the schedule, whose latencies are left out."`
	Settle     time.Duration `default:"2m" help:"Observe: longest wait at the end for the pipeline to finish."`

	Pictures string `placeholder:"STORE" help:"Draw made-up pictures into the image store of the machine that takes the reads, a directory, and name them in the reads: at most 600 reads a minute. Default: no pictures."`
	Verdicts string `placeholder:"FILE" help:"With --pictures: write what a careful person would decide from them, a JSON object a line."`

	JSON  bool   `help:"Print the result as JSON on standard output instead of text."`
	Out   string `placeholder:"FILE" help:"Also save the result as JSON."`
	Quiet bool   `short:"q" help:"No progress lines."`

	Address string `arg:"" optional:"" placeholder:"ADDRESS" help:"The gateway's address after --target gateway."`
}

// isLive reports whether the target is a running service; traffic for a service must happen now.
func (o *loadOptions) isLive() bool {
	return strings.HasPrefix(o.Target, "kafka://") || strings.HasPrefix(o.Target, "http")
}

// checkFlags mends the two-word form of the gateway and refuses impossible flags, before anything is made.
func (o *loadOptions) checkFlags() error {
	if o.Target == "gateway" {
		o.Target = o.Address
	} else if o.Address != "" {
		return fmt.Errorf("unexpected argument %q: only --target gateway takes one", o.Address)
	}
	o.Target = strings.TrimPrefix(o.Target, "gateway ")
	switch {
	case o.Write && o.Reference == "":
		return errors.New("--write-reference needs --reference DIR")
	case o.Target == "none" && !o.Write:
		return errors.New("--target none does nothing without --write-reference")
	case o.Target == "none":
		return nil
	case o.Count == 0 && o.Duration == 0:
		return errors.New("say how much: --count N or --duration 30s")
	case o.FullSpeed && o.Count == 0:
		return errors.New("--as-fast-as-possible needs --count N: without a schedule a duration holds no number of reads")
	case o.Target == "stdout" && o.JSON:
		return errors.New("--json and --target stdout both write to standard output: use --out FILE")
	case o.Pictures != "" && o.Format == "json":
		return errors.New("--pictures needs --format protobuf")
	case o.Verdicts != "" && o.Pictures == "":
		return errors.New("--verdicts needs --pictures STORE: nobody can decide without pictures")
	case strings.HasPrefix(o.Target, "http") && o.Format == "json":
		return errors.New("--format json is for Kafka and files: the gateway is sent canonical Protobuf")
	}
	return nil
}

// trafficTimes returns an instant of the city's day and the start of the traffic; 0 = the default of the target.
func (o *loadOptions) trafficTimes(now time.Time) (day, start schemas.Micros, err error) {
	day = schemas.MicrosOf(now)
	if o.Start != "" {
		t, err := time.Parse(time.RFC3339, o.Start)
		if err != nil {
			return 0, 0, fmt.Errorf("--start %q: want the form 2026-11-21T07:00:00+01:00", o.Start)
		}
		start = schemas.MicrosOf(t)
		day = start
	}
	if o.Day != "" {
		d, err := schemas.ParseDay(o.Day)
		if err != nil {
			return 0, 0, fmt.Errorf("--day: %w", err)
		}
		day = d.Start() + 12*schemas.Hour
	}
	return day, start, nil
}

func (o *loadOptions) trafficConfig(start schemas.Micros) bench.TrafficConfig {
	cfg := bench.TrafficConfig{Seed: o.Seed, Rate: o.Rate, Start: start, Compress: o.Compress, ListedShare: o.Listed}
	if o.Profile == "rush-hour" {
		cfg.Profile = bench.RushHour
	}
	if o.Clean {
		cfg.Noise = &bench.Noise{}
	}
	return cfg
}

// openTarget makes the target.
func (o *loadOptions) openTarget(ctx context.Context, city *bench.City, out io.Writer) (bench.Target, error) {
	json := o.Format == "json"
	if path, ok := strings.CutPrefix(o.Target, "file:"); ok && path != "" {
		return bench.CreateFileTarget(path, json)
	}
	if o.Target == "stdout" {
		return bench.NewFileTarget(out, json), nil
	}
	u, err := url.Parse(o.Target)
	if err != nil || u.Host == "" {
		return nil, fmt.Errorf("--target %q: want kafka://host:port, http://host:port, file:PATH, stdout or none", o.Target)
	}
	switch u.Scheme {
	case "kafka":
		if _, _, err := net.SplitHostPort(u.Host); err != nil {
			return nil, fmt.Errorf("--target %q: want kafka://host:port", o.Target)
		}
		_, _, dial, err := o.findLogin()
		if err != nil {
			return nil, err
		}
		return bench.OpenKafkaTarget(ctx, bench.KafkaTargetConfig{Addr: u.Host, Topic: o.Topic, JSON: json, Dial: dial})
	case "http", "https":
		tokens := city.CameraTokens()
		if o.Reference != "" {
			if tokens, err = bench.ReadCameraTokens(o.Reference); err != nil {
				return nil, err
			}
		}
		return bench.NewGatewayTarget(bench.GatewayTargetConfig{URL: o.Target, Tokens: tokens, Lanes: o.Lanes})
	default:
		return nil, fmt.Errorf("--target %q: scheme %q is none of kafka, http, https", o.Target, u.Scheme)
	}
}
