package flags

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/rs/zerolog"

	"github.com/gvc-brussels/anpr/pipeline/office/access"
	"github.com/gvc-brussels/anpr/pipeline/platform"
	"github.com/gvc-brussels/anpr/pipeline/platform/embedded"
	"github.com/gvc-brussels/anpr/pipeline/roles"
)

// LookUpFlags name the look-up log and the witnesses of the heads.
type LookUpFlags struct {
	DataFlags
	BrokerFlags
	PostgresFlags
	LookUpKeys string `name:"lookup-keys" help:"Directory with the keys of the look-up log and the Merkle log of its heads. Default look-ups in the data directory of an anpr up." type:"path" env:"ANPR_LOOKUP_KEYS"`
}

// OpenBooks opens the look-up log with its witnesses.
func (c *LookUpFlags) OpenBooks(ctx context.Context, log zerolog.Logger) (*roles.LookUpBooks, error) {
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

// FindUsers returns the file of the users who may close a damaged log. Beside an `anpr up` only the file of the
// running office is accepted: with another file, one person could act as two.
func (f *DataFlags) FindUsers(named string) (string, error) {
	run, err := f.FindRunning()
	if err != nil || run == nil {
		return named, err
	}
	ours := PathUnder(run.Users, run.Reference, "users.yaml")
	if named == "" {
		return ours, nil
	}
	have, err := os.Stat(named)
	if err != nil {
		return "", fmt.Errorf("--users: %w", err)
	}
	if want, err := os.Stat(ours); err != nil || !os.SameFile(have, want) {
		return "", fmt.Errorf("--users: %s is not the file of the office that runs here, %s: leave --users out", named, ours)
	}
	return ours, nil
}

// HeadFlags name a head that somebody noted elsewhere.
type HeadFlags struct {
	Seq    uint64 `help:"Number of an entry whose hash was noted elsewhere (the process log of the office has one every 100 entries)."`
	SHA256 string `name:"sha256" help:"That hash, 64 hexadecimal digits."`
}

// NotedHeads returns the named head, if any.
func (c *HeadFlags) NotedHeads() ([]access.Head, error) {
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

// FindPostgres returns the database for an account: the named database, else the database of the `anpr up` on the data
// directory.
func (f *PostgresFlags) FindPostgres(at *DataFlags, account embedded.PostgresAccount) (platform.Postgres, error) {
	run, err := at.FindRunning()
	if err != nil {
		return platform.Postgres{}, err
	}
	run.FillPostgres(f, account)
	return f.PostgresDatabase()
}
