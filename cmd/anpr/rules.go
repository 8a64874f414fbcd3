package main

import (
	"fmt"
	"os"

	"github.com/gvc-brussels/anpr/cmd/flags"
	"github.com/gvc-brussels/anpr/pipeline/roles"
	"github.com/gvc-brussels/anpr/rules"
)

type rulesCmd struct {
	Check      rulesCheckCmd      `cmd:"" help:"Check a catalogue: form, dates, gaps, sources, values that are not plausible. Exit code: 0 it loads, 1 it would be refused, 2 there is no catalogue to check."`
	Unverified rulesUnverifiedCmd `cmd:"" help:"List the values that nobody has verified against the law text."`
	Test       rulesTestCmd       `cmd:"" help:"Run scenario files of your own on a catalogue (form: rules/README.md). Exit codes: 0 all right, 1 some wrong, 2 a file cannot be read."`
}

type rulesCheckCmd struct {
	Catalogue string `arg:"" optional:"" help:"Directory of the catalogue; default the built-in Brussels one." type:"path"`
	Warnings  bool   `help:"List the warnings too."`
}

// Run prints the findings.
func (c *rulesCheckCmd) Run() error {
	catalogue, err := roles.CatalogueFiles(c.Catalogue)
	if err != nil {
		return flags.WithExitCode(flags.ExitCannotTell, err)
	}
	return roles.CheckCatalogue(os.Stdout, catalogue, c.Warnings)
}

type rulesUnverifiedCmd struct {
	Catalogue string `arg:"" optional:"" help:"Directory of the catalogue; default the built-in Brussels one." type:"path"`
	Lang      string `help:"Language of the legal basis." enum:"en,nl,fr" default:"en"`
}

// Run prints a table, a line a value.
func (c *rulesUnverifiedCmd) Run() error {
	cat, err := roles.LoadCatalogue(c.Catalogue)
	if err != nil {
		return err
	}
	return rules.WriteUnverified(os.Stdout, cat, rules.Lang(c.Lang))
}

type rulesTestCmd struct {
	Catalogue string   `help:"Directory of the catalogue; default the built-in Brussels one." type:"path"`
	Paths     []string `arg:"" help:"Scenario files, or directories of *.txt."`
}

// Run prints a table of every scenario, with result and expectation where these differ.
func (c *rulesTestCmd) Run() error {
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
