package casework

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"github.com/gvc-brussels/anpr/cmd/ask"
	"github.com/gvc-brussels/anpr/pipeline/office"
)

// BundleCmd is anpr evidence bundle: it asks the office for the evidence bundle of a case and saves it.
type BundleCmd struct {
	ask.ClientFlags
	Purpose string `help:"traffic or judicial. Default: what your role may state."`
	For     string `help:"What the work is for, in words; it is logged with your name. Default, of the purpose traffic alone: the processing of traffic offences in this shift."`
	CaseRef string `help:"Number of the file; the judicial purpose needs one."`
	Lang    string `help:"Language of the answers: nl, fr or en. Default: that of the terminal."`
	Out     string `help:"File to write; default case-CASE.zip here. A file that is there is not overwritten." type:"path"`
	To      string `help:"For whom the bundle is; it stays with the list of bundles." default:"the file of the case"`

	ProsecutorRef string `help:"Number of the prosecutor's decision."`

	Case string `arg:"" help:"Case, as anpr cases list and find print it."`
}

// Run makes the bundle, fetches it, compares it with the sum that the office noted, and saves it.
func (c *BundleCmd) Run(ctx context.Context) error {
	q := &Cmd{ClientFlags: c.ClientFlags, Purpose: c.Purpose, For: c.For, CaseRef: c.CaseRef, Lang: c.Lang, ProsecutorRef: c.ProsecutorRef}
	d, err := q.openDesk(ctx)
	if err != nil {
		return err
	}
	made, err := d.MakeBundle(ctx, d.j, c.Case, c.To)
	if err != nil {
		return d.explain(err)
	}
	file, err := d.BundleFile(ctx, d.j, made.Bundle.BundleID)
	if err != nil {
		return d.explain(err)
	}
	if sum := sha256.Sum256(file); hex.EncodeToString(sum[:]) != made.Bundle.SHA256 {
		return errors.New("the file that came is not the one that the office made; ask again")
	}
	path := c.Out
	if path == "" {
		path = filepath.Base("case-" + made.Bundle.CaseID + ".zip")
	}
	if err := saveNew(path, file); err != nil {
		return err
	}
	if d.json {
		return office.PrintJSON(os.Stdout, made)
	}
	for _, p := range made.Parts {
		fmt.Printf("%-84s %9d  %s\n", p.Path, p.Size, p.SHA256)
	}
	for _, a := range made.Absent {
		fmt.Printf("- %s: %s\n", a.Path, a.Why)
	}
	fmt.Printf("%s (%d bytes, %s %s); anpr evidence verify %s\n", path, len(file), labels[d.lang]["logged"], strconv.FormatUint(made.Scope.LogSeq, 10), path)
	return nil
}

// saveNew writes a file that is not there yet, readable by its owner alone.
func saveNew(path string, data []byte) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Close())
}
