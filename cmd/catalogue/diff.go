package catalogue

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/gvc-brussels/anpr/cmd/flags"
	"github.com/gvc-brussels/anpr/pipeline/roles"
	"github.com/gvc-brussels/anpr/rules"
	"github.com/gvc-brussels/anpr/schemas"
)

// builtIn is the word for the built-in catalogue where a directory is asked for.
const builtIn = "built-in"

// DiffCmd compares two catalogues.
type DiffCmd struct {
	Lang   string `help:"Language of the answer." enum:"en,nl,fr" default:"en"`
	AsOf   string `help:"Day before which a change is one of the past, such as 2026-11-30; default today in Brussels." placeholder:"DATE"`
	JSON   bool   `help:"Print JSON: values as written, every legal basis in its languages."`
	Colour string `help:"Mark the past in red: auto is on a terminal, unless NO_COLOR is set." enum:"auto,always,never" default:"auto"`
	Old    string `arg:"" help:"Directory or archive (.zip) of the earlier catalogue, or built-in."`
	New    string `arg:"" help:"Directory or archive (.zip) of the later catalogue, or built-in."`
}

// Run prints the differences. A change of the past is exit code 1.
func (c *DiffCmd) Run() error { return c.write(os.Stdout, time.Now()) }

// write compares as on the day of now.
func (c *DiffCmd) write(w io.Writer, now time.Time) error {
	asOf := schemas.MicrosOf(now).Day()
	if c.AsOf != "" {
		var err error
		if asOf, err = schemas.ParseDay(c.AsOf); err != nil {
			return flags.WithExitCode(flags.ExitCannotTell, fmt.Errorf("--as-of: %w", err))
		}
	}
	old, err := load(c.Old)
	if err != nil {
		return flags.WithExitCode(flags.ExitCannotTell, err)
	}
	next, err := load(c.New)
	if err != nil {
		return flags.WithExitCode(flags.ExitCannotTell, err)
	}
	d := rules.Diff(old, next, asOf)
	if err := c.print(w, d); err != nil {
		return flags.WithExitCode(flags.ExitCannotTell, err)
	}
	if n := d.Past(); n > 0 {
		return flags.WithExitCode(flags.ExitLeftOver, fmt.Errorf("%d of %d differences change what holds before %s: decisions of that time would come out otherwise, or cite something else", n, len(d.Changes), asOf))
	}
	return nil
}

func (c *DiffCmd) print(w io.Writer, d *rules.Difference) error {
	if !c.JSON {
		return rules.WriteDifference(w, d, rules.Lang(c.Lang), c.colour())
	}
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(d)
}

func (c *DiffCmd) colour() bool {
	if c.Colour != "auto" {
		return c.Colour == "always"
	}
	info, err := os.Stdout.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0 && os.Getenv("NO_COLOR") == ""
}

// load loads a catalogue by its place, or the built-in one.
func load(place string) (*rules.Catalogue, error) {
	if place == builtIn {
		place = ""
	}
	return roles.LoadCatalogue(place)
}

// ExportCmd writes a catalogue to other files.
type ExportCmd struct {
	Catalogue string `help:"Directory or archive of the catalogue; default the built-in Brussels one." type:"path"`
	To        string `arg:"" name:"dir|name.zip" help:"Directory, made when absent and otherwise empty, or archive that does not exist yet." type:"path"`
}

// Run writes the files, loads them again and prints their version.
func (c *ExportCmd) Run() error {
	version, err := roles.ExportCatalogue(c.Catalogue, c.To)
	if err == nil {
		fmt.Printf("catalogue %s written to %s\n", version, c.To)
	}
	return err
}
