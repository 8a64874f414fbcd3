package roles

import (
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/rs/zerolog"

	"github.com/gvc-brussels/anpr/pipeline/reference/approval"
	"github.com/gvc-brussels/anpr/rules"
)

// catalogueKind is the kind of reference data that a catalogue is.
const catalogueKind = "catalogue"

// ErrCatalogueUnsigned says that a catalogue loads and is not approved.
var ErrCatalogueUnsigned = errors.New("the catalogue is not approved by two people")

// CatalogueApproval is a catalogue with the signatures that hold for it.
type CatalogueApproval struct {
	Catalogue *rules.Catalogue
	Signed    []approval.Signed
}

// readContent loads the catalogue of a directory or an archive, and says what there is to approve.
func readContent(dir string) (*rules.Catalogue, fs.FS, approval.Content, error) {
	if dir == "" {
		return nil, nil, approval.Content{}, errors.New("the built-in catalogue came with the program and is not signed: write it with anpr rules export, and sign that")
	}
	files, err := CatalogueFiles(dir)
	if err != nil {
		return nil, nil, approval.Content{}, err
	}
	cat, err := LoadCatalogue(dir)
	if err != nil {
		return nil, nil, approval.Content{}, err
	}
	content, err := contentOf(files, cat)
	return cat, files, content, err
}

// contentOf returns what there is to approve of the files of a loaded catalogue.
func contentOf(files fs.FS, cat *rules.Catalogue) (approval.Content, error) {
	names, err := fs.Glob(files, "*.yaml")
	if err != nil {
		return approval.Content{}, err
	}
	sums, err := approval.SumFiles(files, names)
	return approval.Content{Kind: catalogueKind, Hash: cat.Hash(), Sums: sums}, err
}

// VerifyCatalogue loads a catalogue and verifies its signatures. An error that wraps [ErrCatalogueUnsigned] names file, fault and
// cure; the answer then holds the signatures that do count. Any other error says that nothing could be verified.
func VerifyCatalogue(dir, signersFile string, now time.Time) (*CatalogueApproval, error) {
	signers, err := approval.LoadSigners(signersFile)
	if err != nil {
		return nil, err
	}
	cat, files, content, err := readContent(dir)
	if err != nil {
		return nil, err
	}
	signed, err := approval.Verify(files, content, signers, now)
	if err != nil {
		err = fmt.Errorf("catalogue %s: %w: %w", dir, ErrCatalogueUnsigned, err)
	}
	return &CatalogueApproval{cat, signed}, err
}

// SignCatalogue signs a catalogue as a person. A catalogue that would not load is not signed. others says what is still missing, or
// wrong with another signature, before the catalogue is approved.
func SignCatalogue(dir, signersFile, name, keyFile string, now time.Time) (a *CatalogueApproval, others, err error) {
	signers, err := approval.LoadSigners(signersFile)
	if err != nil {
		return nil, nil, err
	}
	cat, _, content, err := readContent(dir)
	if err != nil {
		return nil, nil, err
	}
	signed, others, err := approval.Sign(dir, content, signers, name, keyFile, now)
	return &CatalogueApproval{cat, signed}, others, err
}

// verifyHeld verifies the signatures beside the files of a loaded catalogue. The built-in one came with the program.
func verifyHeld(files fs.FS, cat *rules.Catalogue, signersFile string, now time.Time) ([]approval.Signed, error) {
	builtIn, err := LoadCatalogue("")
	if err != nil || builtIn.Hash() == cat.Hash() {
		return nil, err
	}
	signers, err := approval.LoadSigners(signersFile)
	if err != nil {
		return nil, err
	}
	content, err := contentOf(files, cat)
	if err != nil {
		return nil, err
	}
	signed, err := approval.Verify(files, content, signers, now)
	if err != nil {
		err = fmt.Errorf("catalogue %s: %w: %w", cat.Version(), ErrCatalogueUnsigned, err)
	}
	return signed, err
}

// loadApprovedCatalogue loads the catalogue of a role. With a file of signers a catalogue of one's own must be signed by two of them; the
// built-in one came with the program.
func loadApprovedCatalogue(dir, signersFile string, log zerolog.Logger) (*rules.Catalogue, error) {
	if dir == "" || signersFile == "" {
		return LoadCatalogue(dir)
	}
	a, err := VerifyCatalogue(dir, signersFile, time.Now())
	if err != nil {
		return nil, err
	}
	for _, s := range a.Signed {
		log.Info().Str("catalogue", a.Catalogue.Version()).Str("signer", s.Signer).Time("signed_at", s.At).Msg("catalogue approved")
	}
	return a.Catalogue, nil
}
