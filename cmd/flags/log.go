package flags

import (
	"fmt"
	"io"
	"os"

	"github.com/rs/zerolog"
)

// logTime is the time of a log line: date, milliseconds and the zone of the machine.
const logTime = "2006-01-02T15:04:05.000Z07:00"

// SetLogForms gives times a date and a zone, and durations a unit, in the logs of the whole process. Call SetLogForms
// once, before the first log line.
func SetLogForms() {
	zerolog.TimeFieldFormat = logTime
	zerolog.DurationFieldFormat = zerolog.DurationFormatString
}

// NewLogger makes the logger of a program, to standard error.
func NewLogger(level string, json bool) (zerolog.Logger, error) {
	return newLoggerTo(os.Stderr, level, json, IsTerminal(os.Stderr))
}

func newLoggerTo(out io.Writer, level string, json, colour bool) (zerolog.Logger, error) {
	l, err := zerolog.ParseLevel(level)
	if err != nil || level == "" {
		return zerolog.Nop(), fmt.Errorf("--log-level %q: want trace, debug, info, warn or error", level)
	}
	var w io.Writer = zerolog.ConsoleWriter{Out: out, TimeFormat: logTime, NoColor: !colour}
	if json {
		w = out
	}
	return zerolog.New(w).Level(l).With().Timestamp().Logger(), nil
}

// IsTerminal reports whether a file is a terminal.
func IsTerminal(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
