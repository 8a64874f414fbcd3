package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/rs/zerolog"

	"github.com/gvc-brussels/anpr/cmd/ask"
	"github.com/gvc-brussels/anpr/cmd/flags"
	"github.com/gvc-brussels/anpr/pipeline/office"
	"github.com/gvc-brussels/anpr/pipeline/roles"
)

type accessLogCmd struct {
	Verify accessLogVerifyCmd `cmd:"" help:"Verify the chain of the access log, also while the office is shut: in the database, or in an exported file without any. Exit code: 0 it holds, 1 it does not (the entry is named), 2 cannot tell."`
	Export accessLogExportCmd `cmd:"" help:"Write the access log to a file that anpr access-log verify FILE reads anywhere. It has no plate in clear."`
	Break  accessLogBreakCmd  `cmd:"" help:"Close the damaged part of the access log: two persons, of whom one is an auditor, say what happened, and the office goes on. Nothing is deleted."`
}

type accessLogVerifyCmd struct {
	flags.LookUpFlags
	flags.HeadFlags
	File      string `arg:"" optional:"" help:"An exported log. Without one, the log in the database is verified." type:"existingfile"`
	PublicKey string `help:"Public key of the site, as the office logs it: with FILE, who signed it. Without it the key that the file states is taken, and named."`
}

// Run reads the whole log. It writes nothing, so a damaged log can be looked at as often as needed.
func (c *accessLogVerifyCmd) Run(ctx context.Context, log zerolog.Logger) error {
	a, err := c.verifyLog(ctx, log)
	if err != nil {
		return flags.WithExitCode(flags.ExitCannotTell, fmt.Errorf("cannot tell whether the access log holds: %w", err))
	}
	return errors.Join(office.PrintVerify(os.Stdout, a), ask.BrokenChain(a))
}

func (c *accessLogVerifyCmd) verifyLog(ctx context.Context, log zerolog.Logger) (*office.VerifyAnswer, error) {
	heads, err := c.NotedHeads()
	if err != nil {
		return nil, err
	}
	if c.File != "" {
		v, n, err := roles.VerifyLookUpExport(ctx, c.File, c.PublicKey, c.LookUpKeys, heads, os.Stderr)
		if err != nil {
			return nil, err
		}
		return office.NewVerifyAnswer(&v, n), nil
	}
	books, err := c.OpenBooks(ctx, log)
	if err != nil {
		return nil, err
	}
	defer books.Close()
	v, n, err := books.Verify(ctx, heads)
	if err != nil {
		return nil, err
	}
	return office.NewVerifyAnswer(&v, n), nil
}

type accessLogExportCmd struct {
	flags.LookUpFlags
	Out string `help:"File to write; it must not be there." required:"" type:"path"`
}

// Run writes the log as it is.
func (c *accessLogExportCmd) Run(ctx context.Context, log zerolog.Logger) (err error) {
	books, err := c.OpenBooks(ctx, log)
	if err != nil {
		return err
	}
	defer books.Close()
	n, err := books.Export(ctx, c.Out)
	if err != nil {
		return err
	}
	fmt.Printf("%s: %d entries, signed by %s\n", c.Out, n, books.Keys.Site.String())
	return nil
}

type accessLogBreakCmd struct {
	flags.LookUpFlags
	flags.HeadFlags
	Users  string   `help:"File of the office's users, by which the two tokens are checked; default that of the anpr up on --data, and beside one no other file. Its digest stands in the log." type:"path" env:"ANPR_USERS"`
	Tokens []string `name:"token-file" help:"File with the token of a person; given twice, for two persons. \"-\" reads a line of the standard input." required:"" type:"path"`
	Reason string   `help:"What happened, and how the damage was found; it stays in the log." required:""`
}

// Run closes the damaged segment with a signed entry.
func (c *accessLogBreakCmd) Run(ctx context.Context, log zerolog.Logger) error {
	heads, err := c.NotedHeads()
	if err != nil {
		return err
	}
	if len(c.Tokens) != 2 {
		return errors.New("--token-file is given twice: a damaged log is closed by two persons")
	}
	books, err := c.OpenBooks(ctx, log)
	if err != nil {
		return err
	}
	defer books.Close()
	if c.Users, err = c.FindUsers(c.Users); err != nil {
		return err
	}
	br, begin, err := books.CloseSegment(ctx, c.Users, [2]string(c.Tokens), c.Reason, heads)
	if err != nil {
		return err
	}
	fmt.Printf("%s; the log goes on with entry %d, %x\n", br.Says(), begin.Seq, begin.Sum)
	return nil
}
