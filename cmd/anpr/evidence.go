package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/gvc-brussels/anpr/cmd/bundles"
	"github.com/gvc-brussels/anpr/cmd/casework"
	"github.com/gvc-brussels/anpr/cmd/flags"
	"github.com/gvc-brussels/anpr/pipeline/evidence"
	"github.com/gvc-brussels/anpr/pipeline/platform/embedded"
	"github.com/gvc-brussels/anpr/pipeline/roles"
	"github.com/gvc-brussels/anpr/schemas"
)

type evidenceCmd struct {
	Bundle casework.BundleCmd `cmd:"" help:"Make the evidence bundle of a case and save its ZIP file: dossier, sealed record, pictures, trace, chain, signed manifest. It holds the plate."`
	Verify evidenceVerifyCmd  `cmd:"" help:"Is it what was sealed and signed? An evidence bundle (ZIP), or an exported offence, without any database; or a stored offence by its id. Exit code: 0 it is, 1 it is not (the parts or columns are named), 2 cannot tell."`
	Page   bundles.PageCmd    `cmd:"" help:"Print the web page that verifies bundles, batches and notices in a browser without a network: write it to verify.html."`
	Keys   bundles.KeysCmd    `cmd:"" help:"List the public keys of evidence bundles for recipients, or make the next key."`
	Export evidenceExportCmd  `cmd:"" help:"Write an offence with its sealed bytes as JSON, for verification elsewhere. It holds the plate."`
}

type evidenceVerifyCmd struct {
	flags.DataFlags
	flags.ClickHouseFlags
	bundles.File
}

// Run verifies an offence.
func (c *evidenceVerifyCmd) Run(ctx context.Context) error {
	if bundles.IsBundle(c.Path) {
		return c.Verify(os.Stdout)
	}
	var rows []evidence.Row
	id, err := schemas.ParseID(c.Path)
	if err == nil {
		rows, err = storedOffence(ctx, c.DataFlags, c.ClickHouseFlags, id)
	} else {
		rows, err = roles.ReadOffence(c.Path)
	}
	if err != nil {
		return flags.WithExitCode(flags.ExitCannotTell, err)
	}
	return verifyRows(os.Stdout, rows)
}

// verifyRows reports for every row whether the row is as sealed.
func verifyRows(w io.Writer, rows []evidence.Row) error {
	altered, err := evidence.WriteAltered(w, rows)
	switch {
	case err != nil:
		return err
	case len(rows) > 1:
		return flags.WithExitCode(flags.ExitLeftOver, fmt.Errorf("there are %d different rows of this offence, where there should be one", len(rows)))
	case altered > 0:
		return flags.WithExitCode(flags.ExitLeftOver, errors.New("the offence was changed after it was sealed; deploy/README.md, AnprOffenceAltered, says what to do"))
	}
	return nil
}

type evidenceExportCmd struct {
	flags.DataFlags
	flags.ClickHouseFlags
	ID string `arg:"" name:"offence-id" help:"Id of a stored offence."`
}

// Run writes the rows of an offence.
func (c *evidenceExportCmd) Run(ctx context.Context) error {
	id, err := schemas.ParseID(c.ID)
	if err != nil {
		return fmt.Errorf("%.80q is no offence id: 32 hexadecimal digits", c.ID)
	}
	rows, err := storedOffence(ctx, c.DataFlags, c.ClickHouseFlags, id)
	if err != nil {
		return err
	}
	enc := json.NewEncoder(os.Stdout)
	enc.SetIndent("", "  ")
	return enc.Encode(rows)
}

// storedOffence reads the stored rows of an offence from the `anpr up` on the data directory, unless another
// ClickHouse is named.
func storedOffence(ctx context.Context, at flags.DataFlags, f flags.ClickHouseFlags, id schemas.ID) ([]evidence.Row, error) {
	run, err := at.FindRunning()
	if err != nil {
		return nil, err
	}
	run.FillTables(&f, embedded.Seals)
	tables, err := f.ClickHouse()
	if err != nil {
		return nil, err
	}
	return roles.StoredOffence(ctx, tables, id)
}

type sealsCmd struct {
	flags.SourcesFlags
	JSON bool `help:"Print JSON."`
}

// Run walks the seals once.
func (c *sealsCmd) Run(ctx context.Context) error {
	b, err := c.OpenSources(embedded.Seals)
	if err != nil {
		return flags.WithExitCode(flags.ExitCannotTell, fmt.Errorf("cannot tell: %w", err))
	}
	defer roles.CloseSources(b)
	r, err := roles.WalkSeals(b, b.DB).Walk(ctx)
	if err != nil {
		return flags.WithExitCode(flags.ExitCannotTell, fmt.Errorf("cannot tell: %w", err))
	}
	if err := flags.PrintResult(os.Stdout, r, c.JSON); err != nil {
		return err
	}
	if !r.IsClean() {
		return flags.WithExitCode(flags.ExitLeftOver, errors.New("offences are not as they were sealed; deploy/README.md, AnprOffenceAltered, says what to do"))
	}
	return nil
}
