package catalogue

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/gvc-brussels/anpr/cmd/flags"
	"github.com/gvc-brussels/anpr/pipeline/reference/approval"
	"github.com/gvc-brussels/anpr/pipeline/roles"
)

// SignersFlag names the file of signers.
type SignersFlag struct {
	Signers string `name:"signers" help:"File of the people who approve catalogues, with their public keys (form: runbook, Approving a catalogue)." type:"path" env:"ANPR_CATALOGUE_SIGNERS" required:""`
}

// KeyCmd makes a key.
type KeyCmd struct {
	File string `arg:"" help:"File for the private key, which only its owner reads and nobody else may sign with." type:"path"`
}

// Run writes the key and prints what stands in the file of signers.
func (c *KeyCmd) Run() error { return c.write(os.Stdout, time.Now()) }

func (c *KeyCmd) write(w io.Writer, now time.Time) error {
	public, err := approval.MakeKey(c.File)
	if err != nil {
		return err
	}
	day := now.UTC()
	_, err = fmt.Fprintf(w, "      - public_key: %s\n        from: %s\n        to: %s\n", public, day.Format(time.DateOnly), day.AddDate(2, 0, 0).Format(time.DateOnly))
	return err
}

// SignCmd signs a catalogue.
type SignCmd struct {
	SignersFlag
	As  string `help:"Your name in the file of signers." required:""`
	Key string `help:"File with your private key." type:"path" required:""`
	Dir string `arg:"" help:"Directory of the catalogue." type:"path"`
}

// Run signs, and says what is still missing.
func (c *SignCmd) Run() error { return c.write(os.Stdout, time.Now()) }

func (c *SignCmd) write(w io.Writer, now time.Time) error {
	a, others, err := roles.SignCatalogue(c.Dir, c.Signers, c.As, c.Key, now)
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(w, "%s signed catalogue %s: %d values, %d not verified\n", c.As, a.Catalogue.Hash(), len(a.Catalogue.Values()), len(a.Catalogue.Unverified())); err != nil {
		return err
	}
	if others != nil {
		_, err = fmt.Fprintf(w, "not approved yet: %v\n", others)
		return err
	}
	return writeSigned(w, a)
}

// SignedCmd verifies signatures.
type SignedCmd struct {
	SignersFlag
	JSON bool   `help:"Print JSON."`
	Dir  string `arg:"" help:"Directory or archive (.zip) of the catalogue." type:"path"`
}

// Run prints who signed what, and when.
func (c *SignedCmd) Run() error { return c.write(os.Stdout, time.Now()) }

func (c *SignedCmd) write(w io.Writer, now time.Time) error {
	a, err := roles.VerifyCatalogue(c.Dir, c.Signers, now)
	switch {
	case errors.Is(err, roles.ErrCatalogueUnsigned):
		return flags.WithExitCode(flags.ExitLeftOver, err)
	case err != nil:
		return flags.WithExitCode(flags.ExitCannotTell, err)
	case c.JSON:
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		return e.Encode(struct {
			Hash   string            `json:"hash"`
			Signed []approval.Signed `json:"signed"`
		}{a.Catalogue.Hash(), a.Signed})
	default:
		return writeSigned(w, a)
	}
}

func writeSigned(w io.Writer, a *roles.CatalogueApproval) error {
	for _, s := range a.Signed {
		if _, err := fmt.Fprintf(w, "signed by %s at %s with the key %.16s\n", s.Signer, s.At.Format(time.RFC3339), s.Key); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(w, "catalogue %s is approved by %d people\n", a.Catalogue.Hash(), len(a.Signed))
	return err
}
