package roles

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gvc-brussels/anpr/rules"
)

// CheckCatalogue prints the faults of a catalogue: warnings when asked for, and errors last, where a person sees them.
func CheckCatalogue(w io.Writer, catalogue fs.FS, listWarnings bool) (err error) {
	var text strings.Builder
	defer func() {
		_, wrote := io.WriteString(w, text.String())
		err = errors.Join(err, wrote)
	}()
	var wrong []rules.Finding
	warnings := 0
	for _, f := range rules.Check(catalogue) {
		if !f.Warning {
			wrong = append(wrong, f)
			continue
		}
		if warnings++; listWarnings {
			fmt.Fprintf(&text, "warning: %s\n", f)
		}
	}
	counted := fmt.Sprintf("%d warnings", warnings)
	if warnings > 0 && !listWarnings {
		counted += " (--warnings lists them)"
	}
	if len(wrong) > 0 {
		if warnings > 0 {
			fmt.Fprintf(&text, "%s\n", counted)
		}
		for _, f := range wrong {
			fmt.Fprintf(&text, "error: %s\n", f)
		}
		return refusalOf(wrong)
	}
	cat, err := rules.Load(catalogue)
	if err != nil {
		return err
	}
	fmt.Fprintf(&text, "catalogue %s: %d values, %d not verified, %d announced and not in force, %s\n",
		cat.Version(), len(cat.Values()), len(cat.Unverified()), len(cat.Announced()), counted)
	return nil
}

// refusalOf names the number of errors and the place of the first.
func refusalOf(wrong []rules.Finding) error {
	if len(wrong) == 1 {
		return fmt.Errorf("1 error keeps this catalogue from loading: %s", wrong[0])
	}
	return fmt.Errorf("%d errors keep this catalogue from loading, the first: %s", len(wrong), wrong[0])
}

// TestScenarios runs the files and returns the number of wrong scenarios; an error means an unreadable file.
func TestScenarios(w io.Writer, catalogue fs.FS, paths []string) (wrong int, err error) {
	files, err := scenarioFiles(paths)
	if err != nil {
		return 0, err
	}
	var all []rules.ScenarioResult
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			return 0, fmt.Errorf("read the scenarios: %w", err)
		}
		results, err := rules.RunScenarios(name, text, catalogue)
		if err != nil {
			return 0, err
		}
		all = append(all, results...)
	}
	return rules.WriteResults(w, all)
}

// scenarioFiles resolves files and directories, in order.
func scenarioFiles(paths []string) ([]string, error) {
	var out []string
	for _, p := range paths {
		info, err := os.Stat(p)
		if err != nil {
			return nil, fmt.Errorf("scenarios: %w; name a file or a directory of *.txt", err)
		}
		if !info.IsDir() {
			out = append(out, p)
			continue
		}
		files, err := filepath.Glob(filepath.Join(p, "*.txt"))
		if err != nil {
			return nil, err
		}
		if len(files) == 0 {
			return nil, fmt.Errorf("scenarios: %s has no *.txt; name the files", p)
		}
		slices.Sort(files)
		out = append(out, files...)
	}
	return out, nil
}
