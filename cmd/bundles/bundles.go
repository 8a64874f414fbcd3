// Package bundles is the part of anpr evidence that is about bundles: it verifies a file without anything else, prints the page
// that does so in a browser, and lists and rotates the keys.
package bundles

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/gvc-brussels/anpr/cmd/flags"
	"github.com/gvc-brussels/anpr/pipeline/evidence/bundle"
	"github.com/gvc-brussels/anpr/pipeline/evidence/signing"
	"github.com/gvc-brussels/anpr/pipeline/evidence/timestamp"
	"github.com/gvc-brussels/anpr/pipeline/roles"
)

// IsBundle reports whether a file is meant to be an evidence bundle: by its name, or by its first bytes.
func IsBundle(path string) bool {
	if strings.HasSuffix(strings.ToLower(path), ".zip") {
		return true
	}
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close() //nolint:errcheck // it was only read
	mark := make([]byte, 4)
	_, err = io.ReadFull(f, mark)
	return err == nil && bytes.Equal(mark, []byte("PK\x03\x04"))
}

// readBounded reads a file of which no more than a bundle can be is ever in memory.
func readBounded(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // it was only read
	return io.ReadAll(io.LimitReader(f, bundle.MaxSize+1))
}

// File is what anpr evidence verify is asked about.
type File struct {
	Keys string `help:"File with the public keys that the office published, as anpr evidence keys prints them: a bundle that another key signed does not hold." type:"path"`
	JSON bool   `help:"Print what was found of a bundle as JSON."`
	Path string `arg:"" name:"file|offence-id" help:"An evidence bundle, a file that anpr evidence export wrote, or the id of a stored offence."`
}

// Verify verifies the bundle and says what holds. It needs the file alone. A bundle that does not hold is an error with exit
// code 1, one that cannot be read with exit code 2.
func (c *File) Verify(w io.Writer) error {
	trust := bundle.Trust{ReadStamp: func(token, data []byte) (bundle.Stamp, error) {
		s, err := timestamp.Read(token, data)
		return bundle.Stamp(s), err
	}}
	if c.Keys != "" {
		f, err := os.Open(c.Keys)
		if err != nil {
			return flags.WithExitCode(flags.ExitCannotTell, err)
		}
		defer f.Close() //nolint:errcheck // it was only read
		if trust.Keys, err = signing.ReadPublics(f); err != nil {
			return flags.WithExitCode(flags.ExitCannotTell, fmt.Errorf("%s: %w", c.Keys, err))
		}
	}
	file, err := readBounded(c.Path)
	if err != nil {
		return flags.WithExitCode(flags.ExitCannotTell, err)
	}
	if bundle.IsBatch(file) {
		return c.verifyBatch(w, file, trust)
	}
	r := bundle.Verify(file, trust)
	if c.JSON {
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		err = e.Encode(r)
	} else {
		err = printReport(w, r)
	}
	if err == nil && !r.Holds {
		err = flags.WithExitCode(flags.ExitLeftOver, errors.New("the bundle is not what the office signed"))
	}
	return err
}

// verifyBatch verifies a batch of bundles and says what holds.
func (c *File) verifyBatch(w io.Writer, file []byte, trust bundle.Trust) (err error) {
	r := bundle.VerifyBatch(file, trust)
	if c.JSON {
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		err = e.Encode(r)
	} else {
		err = printBatch(w, r)
	}
	if err == nil && !r.Holds {
		err = flags.WithExitCode(flags.ExitLeftOver, errors.New("the batch is not what the office signed"))
	}
	return err
}

// printBatch says what the verification of a batch found.
func printBatch(w io.Writer, r *bundle.BatchReport) error {
	var out bytes.Buffer
	for _, f := range r.Findings {
		fmt.Fprintf(&out, "DOES NOT HOLD: %q (%s, byte %d): %s\n", f.Part, f.Code, f.Offset, f.What)
	}
	if m := r.Manifest; m != nil {
		fmt.Fprintf(&out, "batch %s for %s: %d cases\n", m.BatchID, m.Track, len(m.Cases))
		for _, c := range m.Cases {
			fmt.Fprintf(&out, "%s: case %s, bundle %s\n", c.Number, c.CaseID, c.SHA256)
		}
	}
	if s := r.Signature; s != nil && r.Manifest != nil {
		fmt.Fprintf(&out, "signed with the key %s at %s\n", s.KeyID, s.SignedAt.Format(time.RFC3339))
		if r.KnownKey {
			out.WriteString("the key is in the list that was given\n")
		} else {
			out.WriteString("compare the key with the list that the office publishes, or give the list with --keys: a batch cannot prove whose key it is\n")
		}
	}
	if r.Holds {
		out.WriteString("ok: every byte of the batch and of its bundles is as it was signed\n")
	}
	_, err := w.Write(out.Bytes())
	return err
}

// printReport says what a verification found.
func printReport(w io.Writer, r *bundle.Report) error {
	var out bytes.Buffer
	for _, f := range r.Findings {
		fmt.Fprintf(&out, "DOES NOT HOLD: %q (%s, byte %d): %s\n", f.Part, f.Code, f.Offset, f.What)
	}
	if m := r.Manifest; m != nil {
		fmt.Fprintf(&out, "case %s, version %d, %s; offence %s, seal %s\n", m.CaseID, m.CaseVersion, m.State, m.OffenceID, m.Seal)
		fmt.Fprintf(&out, "%d parts; %d records in the chain of events, %d of them without their body\n", len(m.Parts), r.Events, r.Withheld)
		for _, a := range m.Absent {
			fmt.Fprintf(&out, "not in the bundle: %s (%s)\n", a.Path, a.Why)
		}
	}
	if s := r.Signature; s != nil && r.Manifest != nil {
		fmt.Fprintf(&out, "signed with the key %s at %s; time stamp: %s\n", s.KeyID, s.SignedAt.Format(time.RFC3339), s.StampNote)
		if r.Stamp != nil {
			fmt.Fprintf(&out, "stamped at %s by %q; whether that authority is to be trusted, its own certificate chain says\n", r.Stamp.At.Format(time.RFC3339), r.Stamp.Authority)
		}
		if r.KnownKey {
			out.WriteString("the key is in the list that was given\n")
		} else {
			out.WriteString("compare the key with the list that the office publishes, or give the list with --keys: a bundle cannot prove whose key it is\n")
		}
	}
	if r.Holds {
		out.WriteString("ok: every byte is as it was signed\n")
	}
	_, err := w.Write(out.Bytes())
	return err
}

// PageCmd is anpr evidence page.
type PageCmd struct{}

// Run prints the page.
func (PageCmd) Run() error {
	_, err := os.Stdout.Write(bundle.VerifyPage())
	return err
}

// KeysCmd is anpr evidence keys.
type KeysCmd struct {
	flags.DataFlags
	LookUpKeys string `name:"lookup-keys" help:"Directory with the keys of the office; those of bundles are in bundles below it. Default that of the anpr up on --data." type:"path" env:"ANPR_LOOKUP_KEYS"`
	Rotate     bool   `help:"Make the next key and delete the private half of the one before. Running offices take it at their next bundle."`
}

// Run lists the public halves, a line of JSON each: the list that recipients get.
func (c *KeysCmd) Run() error {
	if c.LookUpKeys == "" {
		run, err := c.FindRunning()
		if err != nil {
			return err
		}
		run.FillLookUpKeys(&c.LookUpKeys, "")
	}
	if c.LookUpKeys == "" {
		return errors.New("the directory of the keys is not known: give --lookup-keys, or the --data of an anpr up that runs")
	}
	keys, err := signing.Open(roles.BundleKeys(c.LookUpKeys))
	if err != nil {
		return err
	}
	if c.Rotate {
		next, err := keys.Rotate(time.Now())
		if err != nil {
			return err
		}
		fmt.Fprintf(os.Stderr, "bundles are signed with the key %s from now on; publish the list below\n", next.KeyID)
	}
	publics, err := keys.Publics()
	if err != nil {
		return err
	}
	e := json.NewEncoder(os.Stdout)
	for i := range publics {
		if err := e.Encode(publics[i]); err != nil {
			return err
		}
	}
	return nil
}
