// Package catalogue is anpr rules: the desk at which a jurist checks, compares, exports, signs and verifies rule catalogues.
package catalogue

import (
	"fmt"
	"os"

	"github.com/gvc-brussels/anpr/cmd/flags"
	"github.com/gvc-brussels/anpr/pipeline/roles"
	"github.com/gvc-brussels/anpr/rules"
)

// Cmd is the command with its subcommands.
type Cmd struct {
	Check      CheckCmd      `cmd:"" help:"Check a catalogue: form, dates, gaps, sources, values that are not plausible. Exit code: 0 it loads, 1 it would be refused, 2 there is no catalogue to check."`
	Unverified UnverifiedCmd `cmd:"" help:"List the values that nobody has verified against the law text: who must, and where."`
	Test       TestCmd       `cmd:"" help:"Run scenario files of your own on a catalogue (form: rules/README.md). Exit codes: 0 all right, 1 some wrong, 2 a file cannot be read."`
	Diff       DiffCmd       `cmd:"" help:"Say in words what changes from one catalogue to another, from which day on, and mark what changes the past. Exit codes: 0 nothing before today changes, 1 something does, 2 a catalogue cannot be loaded."`
	Export     ExportCmd     `cmd:"" help:"Write a catalogue to an empty directory, or to an archive NAME.zip, which loads everywhere a directory does and has the same version."`
	Key        KeyCmd        `cmd:"" help:"Make a key to sign catalogues with, and print its entry for the file of signers."`
	Sign       SignCmd       `cmd:"" help:"Sign a catalogue as one of the two people who approve it. Exit codes: 0 signed, also while the other signature is missing; 1 not signed."`
	Signed     SignedCmd     `cmd:"" help:"Verify the signatures of a catalogue. Exit codes: 0 two people signed exactly this, 1 not so, 2 nothing could be verified."`
	Activate   ActivateCmd   `cmd:"" help:"Announce that a catalogue decides from an instant on: every worker changes at the same record of each partition. Exit codes: 0 announced, 1 not."`
	Rollback   RollbackCmd   `cmd:"" help:"Announce that the catalogue before the one in force decides again from an instant on. Exit codes: 0 announced, 1 not."`
	Status     StatusCmd     `cmd:"" help:"Say which catalogues were announced, which one decided the last batch of each partition, and since when. Exit codes: 0 the same on all, and the wanted one; 1 not so; 2 cannot tell."`
}

// CheckCmd lists the faults of a catalogue.
type CheckCmd struct {
	Catalogue string `arg:"" optional:"" help:"Directory or archive (.zip) of the catalogue; default the built-in Brussels one." type:"path"`
	Warnings  bool   `help:"List the warnings too."`
}

// Run prints the findings.
func (c *CheckCmd) Run() error {
	catalogue, err := roles.CatalogueFiles(c.Catalogue)
	if err != nil {
		return flags.WithExitCode(flags.ExitCannotTell, err)
	}
	return roles.CheckCatalogue(os.Stdout, catalogue, c.Warnings)
}

// UnverifiedCmd lists what is to be verified.
type UnverifiedCmd struct {
	Catalogue string `arg:"" optional:"" help:"Directory or archive (.zip) of the catalogue; default the built-in Brussels one." type:"path"`
	Lang      string `help:"Language of the legal basis." enum:"en,nl,fr" default:"en"`
}

// Run prints the values, grouped by who verifies them and in which text.
func (c *UnverifiedCmd) Run() error {
	cat, err := roles.LoadCatalogue(c.Catalogue)
	if err != nil {
		return err
	}
	return rules.WriteUnverified(os.Stdout, cat, rules.Lang(c.Lang))
}

// TestCmd runs scenario files.
type TestCmd struct {
	Catalogue string   `help:"Directory or archive (.zip) of the catalogue; default the built-in Brussels one." type:"path"`
	Paths     []string `arg:"" help:"Scenario files, or directories of *.txt."`
}

// Run prints a table of every scenario, with result and expectation where these differ.
func (c *TestCmd) Run() error {
	catalogue, err := roles.CatalogueFiles(c.Catalogue)
	if err != nil {
		return flags.WithExitCode(2, err)
	}
	wrong, err := roles.TestScenarios(os.Stdout, catalogue, c.Paths)
	switch {
	case err != nil:
		return flags.WithExitCode(2, err)
	case wrong > 0:
		return flags.WithExitCode(1, fmt.Errorf("%d scenarios come out otherwise than expected", wrong))
	default:
		return nil
	}
}
