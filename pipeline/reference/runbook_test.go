package reference

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Whoever writes reference data for the first time copies the lines of the runbook: they are taken as they stand.
func TestTheFilesOfTheRunbookAreTaken(t *testing.T) {
	text, err := os.ReadFile("../../deploy/README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, ok := strings.Cut(string(text), "\n## Reference data: the files\n")
	if !ok {
		t.Fatal("the runbook does not describe the files")
	}
	section, _, _ = strings.Cut(section, "\n## ")
	dir := t.TempDir()
	put := func(name, content string) {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	rows := regexp.MustCompile("(?m)^\\| `([a-z/]+\\.csv)` \\|[^|]*\\| `([^`]+)` \\| `([^`]+)` \\|$").FindAllStringSubmatch(section, -1)
	if len(rows) != 7 {
		t.Fatalf("found %d CSV files with a line, want 7", len(rows))
	}
	for _, r := range rows {
		put(r[1], r[2]+"\n"+r[3]+"\n")
	}
	for name, first := range map[string]string{"cameras.yaml": "    cameras:", "registers.yaml": "    registers:", fileZones: "    calendars:", fileSuspensions: "    suspensions:"} {
		_, block, ok := strings.Cut(section, "\n"+first)
		if !ok {
			t.Fatalf("no %s", name)
		}
		block, _, _ = strings.Cut(first+block, "\n\n")
		put(name, strings.ReplaceAll("\n"+block, "\n    ", "\n")+"\n")
	}
	s, err := Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	st := s.Stats()
	for what, n := range map[string]int{
		"cameras": st.Cameras, "registers": st.Registers, "vehicles": st.Vehicles, "list entries": st.ListEntries, "exemptions": st.Exemptions,
		"day passes": st.DayPasses, "registrations": st.Registrations, "vehicles whose papers ended": st.Standing,
	} {
		if n != 1 {
			t.Errorf("%d %s were read, want the one of the runbook", n, what)
		}
	}
	if !strings.Contains(section, "| `"+fileCameras+"` | yes |") {
		t.Errorf("%s must be there, and the table does not say so", fileCameras)
	}
}
