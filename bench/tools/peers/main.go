// Command peers measures this pipeline beside other programs for the same job, in a single run on the same log. It
// fills a topic once and lets each system drain the topic into ClickHouse in turn, round after round. The counting
// shares no code with any system. See bench/README.md.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"

	"github.com/alecthomas/kong"

	"github.com/gvc-brussels/anpr/pipeline/platform/embedded"
)

// peersOptions are the flags.
type peersOptions struct {
	Count       int           `default:"1000000" help:"Records on the log."`
	Rounds      int           `default:"3" help:"Rounds; each runs every system once, in turn."`
	Rate        int           `default:"7000" help:"Reads per second of the log's own time: how dense the traffic is, not how fast it is read."`
	Vehicles    int           `default:"1000000" help:"Vehicles of the city and its register."`
	Seed        uint64        `default:"1" help:"Seed of the city and the traffic."`
	Partitions  int           `default:"4" help:"Partitions of the topic."`
	Consumers   int           `default:"2" help:"Consumers of ClickHouse's Kafka engine."`
	Compression string        `enum:"none,lz4,zstd" default:"none" help:"Of the record batches on the log."`
	Only        []string      `help:"Systems to run: anpr-protobuf, anpr-json, clickhouse-kafka-engine, bento, clickhouse_sinker. Default: all that are found."`
	Fsync       bool          `help:"ClickHouse syncs every insert to the disk before it acknowledges it."`
	Limit       time.Duration `default:"4m" help:"Longest time for one system to drain the log."`
	Anpr        string        `default:"bin/anpr" help:"The program under test (make build)."`
	OursFlag    []string      `name:"ours-flag" sep:"none" help:"A flag for 'anpr ingest', for trying settings; may be repeated."`
	Env         []string      `sep:"none" help:"An environment variable NAME=VALUE for 'anpr ingest'; may be repeated."`
	Profile     string        `placeholder:"DIR" help:"Save CPU, allocation and block profiles of 'anpr ingest' here."`
	ProfileFor  time.Duration `default:"3s" help:"How long the CPU profile takes from the opening of the log; less than the drain."`
	Kills       int           `help:"Instead of measuring: kill each system so many times with SIGKILL at random moments while it drains the log, then count what is lost and duplicated."`
	Dir         string        `placeholder:"DIR" help:"Where to work; default: a file system in memory when there is one with room, else the temporary directory."`
	Out         string        `placeholder:"FILE" help:"Save the result as FILE.json, FILE.md and FILE.svg."`
}

func main() {
	embedded.MaybeRunEngineChild()
	maybeRunBroker()
	os.Exit(runCommand(os.Args[1:], os.Stdout, os.Stderr))
}

// maybeRunBroker serves as a broker and does not return in a process started as the broker; in any other it
// returns at once.
func maybeRunBroker() {
	if len(os.Args) != 3 || os.Args[1] != brokerArg {
		return
	}
	partitions, err := strconv.Atoi(os.Args[2])
	if err == nil {
		err = brokerChild(partitions)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "broker:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// runCommand returns the exit code: 0 measured and nothing of ours was lost or duplicated, 1 an error, 2 wrong
// usage, 3 something of ours was lost or duplicated.
func runCommand(args []string, out, log io.Writer) int {
	var o peersOptions
	parser, err := kong.New(&o, kong.Name("peers"), kong.UsageOnError(), kong.Description("Measures anpr beside its peers on the same log."))
	if err != nil {
		panic("BUG: command line: " + err.Error())
	}
	if _, err := parser.Parse(args); err != nil {
		fmt.Fprintln(log, "peers:", err)
		return 2
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	exact, err := o.runAll(ctx, out, log)
	switch {
	case err != nil:
		fmt.Fprintln(log, "peers:", err)
		return 1
	case !exact:
		return 3
	default:
		return 0
	}
}
