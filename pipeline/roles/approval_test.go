package roles

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/gvc-brussels/anpr/pipeline/platform"
	"github.com/gvc-brussels/anpr/pipeline/reference/approval"
)

// Every role that decides by a catalogue refuses one that two people have not signed, before it connects to anything, and takes it
// once they have. A role without a file of signers, or with the built-in catalogue, asks for no signature.
func TestARoleStartsUnderAnApprovedCatalogueAlone(t *testing.T) {
	dir := t.TempDir()
	catalogue, signers := filepath.Join(dir, "next"), filepath.Join(dir, "signers.yaml")
	if _, err := ExportCatalogue("", catalogue); err != nil {
		t.Fatal(err)
	}
	text := "signers:\n"
	for _, name := range []string{"anne", "bram"} {
		public, err := approval.MakeKey(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		text += fmt.Sprintf("  - name: %s\n    keys:\n      - {public_key: %s, from: 2020-01-01, to: 2100-01-01}\n", name, public)
	}
	if err := os.WriteFile(signers, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	log := zerolog.Nop()
	nowhere := platform.Kafka{Addr: "127.0.0.1:1"}
	ops := platform.NewOps()
	starts := map[string]func(signers string) error{
		"ingest": func(signers string) error {
			_, err := StartIngest(t.Context(), IngestConfig{Kafka: nowhere, Catalogue: catalogue, Signers: signers, Ops: ops, Log: log})
			return err
		},
		"office": func(signers string) error {
			// Its keys cannot be made where a file stands, which is asked after the catalogue.
			_, err := openCases(t.Context(), &OfficeConfig{Catalogue: catalogue, Signers: signers, LookUpKeys: filepath.Join(dir, "anne")}, nil, log)
			return err
		},
		"restore": func(signers string) error {
			_, err := OpenRestore(RestoreConfig{Kafka: nowhere, Catalogue: catalogue, Signers: signers, Log: log})
			return err
		},
		"machine": func(signers string) error {
			return (&Machine{Config: MachineConfig{Ingest: IngestConfig{Catalogue: catalogue, Signers: signers}}}).checkFiles()
		},
	}
	for role, start := range starts {
		if err := start(signers); !errors.Is(err, ErrCatalogueUnsigned) {
			t.Errorf("%s, and nobody signed: %v", role, err)
		}
	}
	if err := starts["machine"](""); errors.Is(err, ErrCatalogueUnsigned) {
		t.Errorf("without a file of signers: %v", err)
	}
	for i, name := range []string{"anne", "bram"} {
		if _, _, err := SignCatalogue(catalogue, signers, name, filepath.Join(dir, name), time.Now()); err != nil {
			t.Fatal(err)
		}
		if err := starts["machine"](signers); errors.Is(err, ErrCatalogueUnsigned) != (i == 0) {
			t.Errorf("%s signed: %v", name, err)
		}
	}
	if _, err := loadApprovedCatalogue("", signers, log); err != nil {
		t.Errorf("the built-in catalogue: %v", err)
	}
	if _, err := loadApprovedCatalogue(catalogue, filepath.Join(dir, "none.yaml"), log); err == nil {
		t.Error("a file of signers that is not there is no fault")
	}
}
