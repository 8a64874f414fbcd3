package main

import (
	"context"
	"fmt"
	"io"

	"github.com/alecthomas/kong"
)

// storedCmd is a command about the tables instead of the stream: anprload NAME.
type storedCmd interface {
	Run(ctx context.Context, log io.Writer) error
}

// stored makes those commands by name. Everything else is load for the stream.
var stored = map[string]func() (cmd storedCmd, description string){
	"budget":  func() (storedCmd, string) { return &budgetCmd{}, budgetDescription },
	"year":    func() (storedCmd, string) { return &yearCmd{}, yearDescription },
	"lookups": func() (storedCmd, string) { return &lookupsCmd{}, lookupsDescription },
}

// runStored returns the exit code: 0 when done, 1 when it could not be done, 2 when the flags are wrong.
func runStored(ctx context.Context, args []string, out, log io.Writer) int {
	cmd, description := stored[args[0]]()
	exited := -1
	parser, err := kong.New(cmd, kong.Name("anprload "+args[0]), kong.Description(description), kong.Writers(out, log),
		kong.UsageOnError(), kong.Exit(func(code int) { exited = code }))
	if err != nil {
		fmt.Fprintln(log, "anprload: BUG:", err)
		return 1
	}
	_, err = parser.Parse(args[1:])
	switch {
	case exited >= 0: // --help was printed
		return exited
	case err != nil:
		fmt.Fprintln(log, "anprload:", err)
		return 2
	}
	if err := cmd.Run(ctx, log); err != nil {
		fmt.Fprintln(log, "anprload:", err)
		return 1
	}
	return 0
}
