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
	Path string `arg:"" name:"file|offence-id" help:"An evidence bundle, a batch or a notice of an annulment (ZIP), a file that anpr evidence export wrote, or the id of a stored offence."`
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
	switch {
	case bundle.IsBatch(file):
		r := bundle.VerifyBatch(file, trust)
		return c.printFound(w, "batch", r, r.Holds, func(out *bytes.Buffer) { printBatch(out, r) })
	case bundle.IsNotice(file):
		r := bundle.VerifyNotice(file, trust)
		return c.printFound(w, "notice", r, r.Holds, func(out *bytes.Buffer) { printNotice(out, r) })
	}
	r := bundle.Verify(file, trust)
	return c.printFound(w, "bundle", r, r.Holds, func(out *bytes.Buffer) { printReport(out, r) })
}

// printFound prints a report, as JSON or in words. A file that does not hold is an error with exit code 1.
func (c *File) printFound(w io.Writer, what string, report any, holds bool, words func(out *bytes.Buffer)) (err error) {
	if c.JSON {
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		err = e.Encode(report)
	} else {
		var out bytes.Buffer
		words(&out)
		_, err = w.Write(out.Bytes())
	}
	if err == nil && !holds {
		err = flags.WithExitCode(flags.ExitLeftOver, errors.New("the "+what+" is not what the office signed"))
	}
	return err
}

func printFindings(out *bytes.Buffer, list []bundle.Finding) {
	for _, f := range list {
		fmt.Fprintf(out, "DOES NOT HOLD: %q (%s, byte %d): %s\n", f.Part, f.Code, f.Offset, f.What)
	}
}

// printSignature says who signed a file that was read, and when.
func printSignature(out *bytes.Buffer, what string, s *bundle.Signature, stamp *bundle.Stamp, knownKey bool) {
	fmt.Fprintf(out, "signed with the key %s at %s; time stamp: %s\n", s.KeyID, s.SignedAt.Format(time.RFC3339), s.StampNote)
	if stamp != nil {
		fmt.Fprintf(out, "stamped at %s by %q; whether that authority is to be trusted, its own certificate chain says\n", stamp.At.Format(time.RFC3339), stamp.Authority)
	}
	if knownKey {
		out.WriteString("the key is in the list that was given\n")
		return
	}
	fmt.Fprintf(out, "compare the key with the list that the office publishes, or give the list with --keys: a %s cannot prove whose key it is\n", what)
}

// printBatch says what the verification of a batch found.
func printBatch(out *bytes.Buffer, r *bundle.BatchReport) {
	printFindings(out, r.Findings)
	if m := r.Manifest; m != nil {
		fmt.Fprintf(out, "batch %s for %s: %d cases\n", m.BatchID, m.Track, len(m.Cases))
		for _, c := range m.Cases {
			fmt.Fprintf(out, "%s: case %s, bundle %s\n", c.Number, c.CaseID, c.SHA256)
		}
		printSignature(out, "batch", r.Signature, r.Stamp, r.KnownKey)
	}
	if r.Holds {
		out.WriteString("ok: every byte of the batch and of its bundles is as it was signed\n")
	}
}

// printNotice says what the verification of a notice found.
func printNotice(out *bytes.Buffer, r *bundle.NoticeReport) {
	printFindings(out, r.Findings)
	if m := r.Manifest; m != nil {
		fmt.Fprintf(out, "annulled: %s, case %s, handed over in batch %s; notice %d\n", m.Number, m.CaseID, m.BatchID, m.Copy)
		printSignature(out, "notice", r.Signature, r.Stamp, r.KnownKey)
	}
	if r.Holds {
		out.WriteString("ok: every byte of the notice is as it was signed\n")
	}
}

// printReport says what the verification of a bundle found.
func printReport(out *bytes.Buffer, r *bundle.Report) {
	printFindings(out, r.Findings)
	if m := r.Manifest; m != nil {
		fmt.Fprintf(out, "case %s, version %d, %s; offence %s, seal %s\n", m.CaseID, m.CaseVersion, m.State, m.OffenceID, m.Seal)
		fmt.Fprintf(out, "%d parts; %d records in the chain of events, %d of them without their body\n", len(m.Parts), r.Events, r.Withheld)
		for _, a := range m.Absent {
			fmt.Fprintf(out, "not in the bundle: %s (%s)\n", a.Path, a.Why)
		}
		printSignature(out, "bundle", r.Signature, r.Stamp, r.KnownKey)
	}
	if r.Holds {
		out.WriteString("ok: every byte is as it was signed\n")
	}
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
