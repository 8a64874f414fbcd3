package main

import (
	"cmp"
	"fmt"
	"io/fs"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/gvc-brussels/anpr/rules"
	"github.com/gvc-brussels/anpr/schemas"
)

// release is what is being worked on, the first heading of CHANGELOG.md.
const release = "0.1.0"

// revision is set by the linker (make build), where the go command has no version control to ask: a copy without .git, another owner.
var revision string

type versionCmd struct{}

// Run prints release, revision, and what an upgrade must know: the newest migration of the tables, and the built-in catalogue.
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
	newest, err := newestMigration()
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("anpr %s, revision %s, %s, schema %d, tables %s, catalogue %s",
		release, cmp.Or(revision, revisionOfBuild(), "unknown"), runtime.Version(), schemas.SchemaVersion, newest, catalogue.Version()), nil
}

// revisionOfBuild is what the go command noted of version control; "" when it could not ask.
func revisionOfBuild() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	at, changed := "", ""
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			at = s.Value[:min(len(s.Value), 12)]
		case s.Key == "vcs.modified" && s.Value == "true":
			changed = "-dirty"
		}
	}
	if at == "" {
		return ""
	}
	return at + changed
}

// newestMigration is the number of the last file of the tables. Example: 0018
func newestMigration() (string, error) {
	files, err := fs.Glob(schemas.Migrations, "clickhouse/*.sql")
	if err != nil || len(files) == 0 {
		return "", fmt.Errorf("no migrations are built in: %w", cmp.Or(err, fs.ErrNotExist))
	}
	number, _, _ := strings.Cut(strings.TrimPrefix(files[len(files)-1], "clickhouse/"), "_") // Glob sorts
	return number, nil
}
