// Command benchtool compares results of benchmarks (regress) and draws them (plot). Releases do not contain it; `make
// bench-regress` and `make bench-scaling` run it. See bench/README.md.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"
)

// commands are the subcommands.
type commands struct {
	Regress regressCmd `cmd:"" help:"Compare the micro-benchmarks of the working tree with those of a base commit in one run, interleaved."`
	Plot    plotCmd    `cmd:"" help:"Draw saved results as SVG: charts in the form of bench/tools/plot, or the outcome of a budget."`
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := runCommand(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// runCommand returns the exit code: 0 when done, 1 when it could not be done or a benchmark regressed, 2 when the
// flags are wrong.
func runCommand(ctx context.Context, args []string, out, log io.Writer) int {
	var c commands
	exited := -1
	parser, err := kong.New(&c, kong.Name("benchtool"), kong.Writers(out, log), kong.UsageOnError(), kong.Exit(func(code int) { exited = code }),
		kong.BindTo(ctx, (*context.Context)(nil)), kong.BindTo(log, (*io.Writer)(nil)))
	if err != nil {
		fmt.Fprintln(log, "benchtool: BUG:", err)
		return 1
	}
	parsed, err := parser.Parse(args)
	switch {
	case exited >= 0: // --help was printed
		return exited
	case err != nil:
		fmt.Fprintln(log, "benchtool:", err)
		return 2
	}
	if err := parsed.Run(); err != nil {
		fmt.Fprintln(log, "benchtool:", err)
		return 1
	}
	return 0
}
