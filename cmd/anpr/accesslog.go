package main

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"os"

	"github.com/gvc-brussels/anpr/cmd/ask"
	"github.com/gvc-brussels/anpr/cmd/flags"
	"github.com/gvc-brussels/anpr/pipeline/office"
	"github.com/gvc-brussels/anpr/pipeline/office/access"
	"github.com/gvc-brussels/anpr/pipeline/platform/embedded"
)

type accessLogCmd struct {
	Verify accessLogVerifyCmd `cmd:"" help:"Verify the chain of the access log in the table itself, also while the office is shut. Exit code: 0 it holds, 1 it does not (the entry is named), 2 cannot tell."`
}

type accessLogVerifyCmd struct {
	flags.DataFlags
	flags.ClickHouseFlags
	Seq    uint64 `help:"Number of an entry whose hash was noted elsewhere (the process log of the office has one every 100 entries)."`
	SHA256 string `name:"sha256" help:"That hash, 64 hexadecimal digits."`
}

// Run reads the whole table. It writes nothing, so a damaged log can be looked at as often as needed.
func (c *accessLogVerifyCmd) Run(ctx context.Context) error {
	a, err := c.verifyLog(ctx)
	if err != nil {
		return flags.WithExitCode(flags.ExitCannotTell, fmt.Errorf("cannot tell whether the access log holds: %w", err))
	}
	return errors.Join(office.PrintVerify(os.Stdout, a), ask.BrokenChain(a))
}

func (c *accessLogVerifyCmd) verifyLog(ctx context.Context) (*office.VerifyAnswer, error) {
	var witnesses []access.Head
	if (c.Seq == 0) != (c.SHA256 == "") {
		return nil, errors.New("--seq and --sha256 are given together: the number and the hash of one entry")
	}
	if c.Seq != 0 {
		w := access.Head{Seq: c.Seq}
		if n, err := hex.Decode(w.Sum[:], []byte(c.SHA256)); err != nil || n != len(w.Sum) || len(c.SHA256) != 2*n {
			return nil, errors.New("--sha256 must be 64 hexadecimal digits")
		}
		witnesses = append(witnesses, w)
	}
	run, err := c.FindRunning()
	if err != nil {
		return nil, err
	}
	run.FillTables(&c.ClickHouseFlags, embedded.Office)
	tables, err := c.ClickHouse()
	if err != nil {
		return nil, err
	}
	conn, err := tables.Open()
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close() }()
	v, err := access.VerifyStore(ctx, access.NewClickHouse(conn), witnesses...)
	if err != nil {
		return nil, err
	}
	return &office.VerifyAnswer{OK: v.OK(), Entries: v.Entries, Head: hex.EncodeToString(v.Head.Sum[:]), FirstBad: v.FirstBad, Problem: v.Problem}, nil
}
