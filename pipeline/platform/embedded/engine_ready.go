package embedded

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/ClickHouse/ch-go"
	"github.com/ClickHouse/ch-go/proto"
)

// awaitReady asks for the version until the engine answers, dies or runs out of time.
func (c *ClickHouseEngine) awaitReady(ctx context.Context, cfg *ClickHouseConfig) error {
	opt := ch.Options{
		Address: c.native, DialTimeout: 2 * time.Second, ClientName: "anpr-embedded", User: cfg.Users[0].Name, Password: cfg.Users[0].Password,
	}
	return c.awaitAnswer(ctx, c.native, cfg.StartTimeout, func(ctx context.Context) (err error) {
		c.version, err = askVersion(ctx, opt)
		return err
	})
}

func askVersion(ctx context.Context, opt ch.Options) (_ string, err error) {
	conn, err := ch.Dial(ctx, opt)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	var version proto.ColStr
	err = conn.Do(ctx, ch.Query{Body: "SELECT version() AS v", Result: proto.Results{{Name: "v", Data: &version}}})
	if err != nil {
		return "", err
	}
	if version.Rows() != 1 {
		return "", fmt.Errorf("the version query answered %d rows, want 1", version.Rows())
	}
	return version.Row(0), nil
}

// maxLog bounds the engine's log. The next start sets a larger log aside, in place of the log set aside before.
const maxLog = 16 << 20

func openLog(path string) (*os.File, error) {
	if st, err := os.Stat(path); err == nil && st.Size() > maxLog {
		if err := os.Rename(path, path+".old"); err != nil {
			return nil, err
		}
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	_, err = fmt.Fprintf(f, "--- start %s\n", time.Now().UTC().Format(time.RFC3339))
	return f, err
}

// readLogTail returns the last n lines written since the last start.
func readLogTail(path string, n int) string {
	f, err := os.Open(path)
	if err != nil {
		return err.Error()
	}
	defer func() { _ = f.Close() }()
	if st, err := f.Stat(); err == nil && st.Size() > 32<<10 {
		_, _ = f.Seek(-32<<10, io.SeekEnd)
	}
	text, err := io.ReadAll(io.LimitReader(f, 64<<10))
	if err != nil {
		return err.Error()
	}
	if i := bytes.LastIndex(text, []byte("--- start ")); i >= 0 {
		text = text[i:]
	}
	clean := strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' && r != '\t' { // terminal control sequences
			return -1
		}
		return r
	}, string(text))
	lines := strings.Split(strings.TrimRight(clean, "\n"), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}

// advice is the cure (way) for a text (sign) in an engine's log.
type advice struct{ sign, way string }

// adviseOnLog finds the cure for the error in the log of the ClickHouse engine.
func adviseOnLog(log string) string {
	return findAdvice(log, []advice{
		{"No space left on device", "the disk is full: free space, or choose another disk with " + FlagDataDir},
		{"NOT_ENOUGH_SPACE", "the disk is full: free space, or choose another disk with " + FlagDataDir},
		{"Read-only file system", "the data directory is read-only: choose another with " + FlagDataDir},
		{"Permission denied", "a file cannot be opened: fix the permissions of the data directory, or choose another with " + FlagDataDir},
		{"Address already in use", "a port is taken: choose others with " + FlagNative + " and " + FlagHTTP},
		{"Cannot lock file", "another engine uses the data directory: stop it, or choose another with " + FlagDataDir},
		{"invalid ELF header", "the engine's library is damaged or of another architecture: delete the cache folder (" + envCache + ") to fetch it again"},
		{"wrong ELF class", "the engine's library is of another architecture: delete the cache folder (" + envCache + ") to fetch it again"},
		{"file too short", "the engine's library is damaged: delete the cache folder (" + envCache + ") to fetch it again"},
		{"incompatible architecture", "the engine's library is of another architecture: delete the cache folder (" + envCache + ") to fetch it again"},
		{"GLIBC", "the C library of this system is too old for the engine: put a clickhouse binary on PATH"},
		{"ld-linux", "this system has no GNU C library: put a clickhouse binary on PATH"},
		{"MEMORY_LIMIT_EXCEEDED", "the engine ran out of its memory: raise it with " + FlagMaxMemory},
	})
}

// findAdvice returns the first advice whose sign is in the last lines of a log.
func findAdvice(log string, all []advice) string {
	text := readLogTail(log, 200)
	for _, a := range all {
		if strings.Contains(text, a.sign) {
			return a.way
		}
	}
	return "the log says why"
}
