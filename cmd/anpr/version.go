package main

import (
	"cmp"
	"fmt"
	"runtime"

	"github.com/gvc-brussels/anpr/pipeline/platform"
	"github.com/gvc-brussels/anpr/rules"
	"github.com/gvc-brussels/anpr/schemas"
)

// release is the release under work, the first heading of CHANGELOG.md.
const release = "0.1.0"

// revision is set by the linker (make build), where the go command has no version control to ask: a copy without
// .git, another owner.
var revision string

type versionCmd struct{}

// Run prints release, revision, the newest migration of the tables and the built-in catalogue, as an upgrade needs
// them.
func (versionCmd) Run() error {
	text, err := versionText()
	if err == nil {
		fmt.Println(text)
	}
	return err
}

func versionText() (string, error) {
	catalogue, err := rules.Load(rules.Brussels())
	if err != nil {
		return "", err
	}
	newest, err := platform.NewestMigration()
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("anpr %s, revision %s, %s, schema %d, tables %s, catalogue %s",
		release, cmp.Or(revision, platform.BuildRevision(), "unknown"), runtime.Version(), schemas.SchemaVersion, newest, catalogue.Version()), nil
}
