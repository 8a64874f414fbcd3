// Command anprload makes the traffic of a seeded city and sends it to Kafka, to the gateway, or to a file, at a
// fixed rate that does not depend on the target's speed. It prints latency percentiles and the truth: the findings
// that a correct pipeline must make of the traffic. See bench/README.md.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/gvc-brussels/anpr/cmd/flags"
	"github.com/gvc-brussels/anpr/pipeline/platform/embedded"
)

func main() {
	embedded.MaybeRunEngineChild()
	flags.SetLogForms()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run returns the exit code: 0 when every read was acknowledged or refused, 1 when the load could not be made, 2
// when the flags are wrong, 3 when some reads were not sent.
func run(ctx context.Context, args []string, out, log io.Writer) int {
	if len(args) > 0 && namedCmds[args[0]] != nil {
		return runNamed(ctx, args, out, log)
	}
	var opt loadOptions
	exited := -1
	parser, err := kong.New(&opt, kong.Name("anprload"), kong.Description(description), kong.Writers(out, log),
		kong.UsageOnError(), kong.Exit(func(code int) { exited = code }))
	if err != nil {
		fmt.Fprintln(log, "anprload: BUG:", err)
		return 1
	}
	_, err = parser.Parse(args)
	switch {
	case exited >= 0: // --help was printed
		return exited
	case err != nil:
		fmt.Fprintln(log, "anprload:", err)
		return 2
	}
	res, err := opt.runLoad(ctx, out, log)
	switch {
	case err != nil:
		fmt.Fprintln(log, "anprload:", err)
		return 1
	case res != nil && !res.Complete():
		return 3
	}
	return 0
}
