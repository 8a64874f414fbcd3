package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"github.com/gvc-brussels/anpr/cmd/ask"
	"github.com/gvc-brussels/anpr/cmd/flags"
	"github.com/gvc-brussels/anpr/pipeline/office"
	"github.com/gvc-brussels/anpr/pipeline/office/access"
	"github.com/gvc-brussels/anpr/pipeline/platform/embedded"
	"github.com/gvc-brussels/anpr/pipeline/roles"
	"github.com/gvc-brussels/anpr/schemas"
)

type accessLogCmd struct {
	Verify accessLogVerifyCmd `cmd:"" help:"Verify the chain of the access log, also while the office is shut: in the database, or in an exported file without any. Exit code: 0 it holds, 1 it does not (the entry is named), 2 cannot tell."`
	Export accessLogExportCmd `cmd:"" help:"Write the access log to a file that anpr access-log verify FILE reads anywhere. It has no plate in clear."`
	Break  accessLogBreakCmd  `cmd:"" help:"Close the damaged part of the access log: two persons, of whom one is an auditor, say what happened, and the office goes on. Nothing is deleted."`
}

// lookUpFlags name the look-up log and the witnesses of its heads.
type lookUpFlags struct {
	flags.DataFlags
	flags.BrokerFlags
	flags.PostgresFlags
	LookUpKeys string `name:"lookup-keys" help:"Directory with the keys of the look-up log and the Merkle log of its heads. Default look-ups in the data directory of an anpr up." type:"path" env:"ANPR_LOOKUP_KEYS"`
}

// openBooks opens the log, and the witnesses that are there.
func (c *lookUpFlags) openBooks(ctx context.Context, log zerolog.Logger) (*roles.LookUpBooks, error) {
	run, err := c.FindRunning()
	if err != nil {
		return nil, err
	}
	run.FillPostgres(&c.PostgresFlags, embedded.PostgresOffice)
	if run != nil {
		run.FillBroker(&c.BrokerFlags)
		run.FillLookUpKeys(&c.LookUpKeys, "")
	}
	if c.LookUpKeys == "" {
		return nil, errors.New("the directory of the keys is not known: give --lookup-keys, or the --data of an anpr up that runs")
	}
	p, err := c.PostgresDatabase()
	if err != nil {
		return nil, err
	}
	return roles.OpenLookUpBooks(ctx, p, c.Kafka(), c.LookUpKeys, log)
}

// headFlags name a head that was noted elsewhere.
type headFlags struct {
	Seq    uint64 `help:"Number of an entry whose hash was noted elsewhere (the process log of the office has one every 100 entries)."`
	SHA256 string `name:"sha256" help:"That hash, 64 hexadecimal digits."`
}

func (c *headFlags) noted() ([]access.Head, error) {
	if (c.Seq == 0) != (c.SHA256 == "") {
		return nil, errors.New("--seq and --sha256 are given together: the number and the hash of one entry")
	}
	if c.Seq == 0 {
		return nil, nil
	}
	h, err := access.ParseHead(c.Seq, c.SHA256)
	if err != nil {
		return nil, fmt.Errorf("--sha256: %w", err)
	}
	return []access.Head{h}, nil
}

type accessLogVerifyCmd struct {
	lookUpFlags
	headFlags
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
	heads, err := c.noted()
	if err != nil {
		return nil, err
	}
	if c.File != "" {
		return c.verifyFile(ctx, heads)
	}
	books, err := c.openBooks(ctx, log)
	if err != nil {
		return nil, err
	}
	defer books.Close()
	more, broken := books.Heads(ctx)
	heads = append(heads, more...)
	head, err := books.Store.Head(ctx)
	if err != nil {
		return nil, errors.Join(err, broken)
	}
	v, err := access.VerifyStore(ctx, books.Store, &books.Keys.Site.PublicKey, append(heads, head)...)
	if err != nil {
		return nil, errors.Join(err, broken)
	}
	if broken != nil {
		if v.OK() {
			return nil, fmt.Errorf("its %d entries hold by the witnesses that can be asked, but: %w", v.Entries, broken)
		}
		log.Warn().Err(broken).Msg("a witness cannot be asked, or was changed")
	}
	return office.NewVerifyAnswer(&v, len(heads)), nil
}

func (c *accessLogVerifyCmd) verifyFile(ctx context.Context, heads []access.Head) (*office.VerifyAnswer, error) {
	f, err := os.Open(c.File)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	x, err := access.ReadExport(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.File, err)
	}
	text := c.PublicKey
	if text == "" {
		text = x.PublicKey
		fmt.Fprintf(os.Stderr, "the file says that it is signed by %s; compare that with the key that the office logs, or give --public-key\n", text)
	}
	key, err := access.ParsePublicKey(text)
	if err != nil {
		return nil, err
	}
	if c.LookUpKeys != "" {
		more, err := roles.MerkleHeads(ctx, c.LookUpKeys, key)
		if err != nil {
			return nil, err
		}
		heads = append(heads, more...)
	}
	v, err := access.VerifyStore(ctx, x, key, heads...)
	if err != nil {
		return nil, err
	}
	return office.NewVerifyAnswer(&v, len(heads)), nil
}

type accessLogExportCmd struct {
	lookUpFlags
	Out string `help:"File to write; it must not be there." required:"" type:"path"`
}

// Run writes the log as it is.
func (c *accessLogExportCmd) Run(ctx context.Context, log zerolog.Logger) (err error) {
	books, err := c.openBooks(ctx, log)
	if err != nil {
		return err
	}
	defer books.Close()
	f, err := os.OpenFile(c.Out, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	n, err := access.Export(ctx, books.Store, &books.Keys.Site.PublicKey, f)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	fmt.Printf("%s: %d entries, signed by %s\n", c.Out, n, books.Keys.Site.String())
	return nil
}

type accessLogBreakCmd struct {
	lookUpFlags
	headFlags
	Users  string   `help:"File of the office's users, by which the two tokens are checked; default that of the anpr up on --data." type:"path" env:"ANPR_USERS"`
	Tokens []string `name:"token-file" help:"File with the token of a person; given twice, for two persons. \"-\" reads a line of the standard input." required:"" type:"path"`
	Reason string   `help:"What happened, and how the damage was found; it stays in the log." required:""`
}

// Run closes the damaged segment with a signed entry.
func (c *accessLogBreakCmd) Run(ctx context.Context, log zerolog.Logger) error {
	heads, err := c.noted()
	if err != nil {
		return err
	}
	if len(c.Tokens) != 2 {
		return errors.New("--token-file is given twice: a damaged log is closed by two persons")
	}
	books, err := c.openBooks(ctx, log)
	if err != nil {
		return err
	}
	defer books.Close()
	if run, err := c.FindRunning(); err == nil && run != nil {
		c.Users = flags.PathUnder(c.Users, run.Reference, "users.yaml")
	}
	users, err := roles.LoadUsers(c.Users)
	if err != nil {
		return err
	}
	var persons [2]*access.User
	for i, path := range c.Tokens {
		token, err := readToken(path)
		if err != nil {
			return err
		}
		persons[i], _ = users.Find(token)
	}
	more, err := books.Heads(ctx)
	if err != nil {
		log.Warn().Err(err).Msg("a witness cannot be asked; the break is made without it")
	}
	head, err := books.Store.Head(ctx)
	if err != nil {
		return err
	}
	heads = append(append(heads, more...), head)
	br, begin, err := access.CloseSegment(ctx, books.Store, books.Keys, persons[0], persons[1], c.Reason, heads, schemas.MicrosOf(time.Now()))
	if err != nil {
		return err
	}
	fmt.Printf("entries %d to %d are closed as damaged from entry %d on (%s) by %s; the log goes on with entry %d, %x\n",
		br.First, br.Last, br.FirstBad, br.Problem, strings.Join(br.Persons, " and "), begin.Seq, begin.Sum)
	return nil
}

func readToken(path string) (string, error) {
	var raw []byte
	var err error
	if path == "-" {
		raw, err = io.ReadAll(io.LimitReader(os.Stdin, 4096))
	} else {
		raw, err = os.ReadFile(path)
	}
	if err != nil {
		return "", fmt.Errorf("--token-file: %w", err)
	}
	return strings.TrimSpace(string(raw)), nil
}
