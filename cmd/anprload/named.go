package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/alecthomas/kong"
	"github.com/rs/zerolog"

	"github.com/gvc-brussels/anpr/cmd/flags"
)

// namedCmd is a command with a name, anprload NAME. Everything else is load for the stream.
type namedCmd interface {
	Run(ctx context.Context, log io.Writer) error
}

// namedCmds makes the commands by name.
var namedCmds = map[string]func() (cmd namedCmd, description string){
	"budget":   func() (namedCmd, string) { return &budgetCmd{}, budgetDescription },
	"year":     func() (namedCmd, string) { return &yearCmd{}, yearDescription },
	"demo":     func() (namedCmd, string) { return &demoCmd{}, demoDescription },
	"rehearse": func() (namedCmd, string) { return &rehearseCmd{}, rehearseDescription },
	"city":     func() (namedCmd, string) { return &cityCmd{}, cityDescription },
	"lookups":  func() (namedCmd, string) { return &lookupsCmd{}, lookupsDescription },
	"desk":     func() (namedCmd, string) { return &deskCmd{}, deskDescription },
}

// runNamed returns the exit code: 0 when done, 1 when it could not be done, 2 when the flags are wrong, or the
// command's own.
func runNamed(ctx context.Context, args []string, out, log io.Writer) int {
	cmd, description := namedCmds[args[0]]()
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
	err = cmd.Run(ctx, log)
	if err != nil && !errors.Is(err, context.Canceled) {
		fmt.Fprintln(log, "anprload:", err)
	}
	if own, ok := errors.AsType[*flags.ExitError](err); ok {
		return own.Code
	}
	if err != nil {
		return 1
	}
	return 0
}

// logFlags configure the log of commands that run the program inside this process.
type logFlags struct {
	LogLevel string `help:"trace, debug, info, warn or error." default:"info" env:"ANPR_LOG_LEVEL"`
	LogJSON  bool   `help:"Log JSON lines instead of text." env:"ANPR_LOG_JSON"`
}

// newLogger makes the logger. At the default level it writes only warnings, because the command prints the
// results; --log-level debug writes all.
func (f *logFlags) newLogger() (zerolog.Logger, error) {
	log, err := flags.NewLogger(f.LogLevel, f.LogJSON)
	if err != nil {
		return log, flags.WithExitCode(2, err)
	}
	if log.GetLevel() == zerolog.InfoLevel {
		log = log.Level(zerolog.WarnLevel)
	}
	return log, nil
}
