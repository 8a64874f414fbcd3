package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestCityLeavesWhatIsThereAndDemoStartsNoCityWhereAPathWasMistyped(t *testing.T) {
	root := t.TempDir()
	full, mistyped := filepath.Join(root, "full"), filepath.Join(root, "nothere")
	if err := os.MkdirAll(full, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(full, "cameras.yaml"), []byte("cameras: []\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"city", "--out", full}, 1, "nothing was written"},
		{[]string{"city", "--missing", "--out", full}, 0, ""},
		{[]string{"demo", "--data", filepath.Join(root, "data"), "--port-base=21930", "--reference", mistyped}, 1, "--reference " + mistyped + ": there is no reference data"},
		{[]string{"demo", "--log-level=loud"}, 2, "--log-level"},
		{[]string{"demo", "--data", filepath.Join(full, "cameras.yaml"), "--port-base=21930"}, 1, "cameras.yaml is a file; name a directory with --data"},
	} {
		var out, log strings.Builder
		if code := run(t.Context(), c.args, &out, &log); code != c.code || !strings.Contains(log.String(), c.says) {
			t.Errorf("anprload %s: exit code %d, want %d and %q: %s", strings.Join(c.args, " "), code, c.code, c.says, log.String())
		}
	}
	t.Setenv("ANPR_REFERENCE", mistyped)
	var out, log strings.Builder
	if code := run(t.Context(), []string{"demo", "--data", filepath.Join(root, "data"), "--port-base=21930"}, &out, &log); code != 1 || !strings.Contains(log.String(), "there is no reference data") {
		t.Errorf("anprload demo under a mistyped ANPR_REFERENCE: exit code %d, want 1: %s", code, log.String())
	}
	for _, name := range []string{"nothere", filepath.Join("data", "reference"), filepath.Join("data", "kafka")} {
		if _, err := os.Stat(filepath.Join(root, name)); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s was written: %v", name, err)
		}
	}
	if text, err := os.ReadFile(filepath.Join(full, "cameras.yaml")); err != nil || string(text) != "cameras: []\n" {
		t.Errorf("cameras.yaml is now %q, %v", text, err)
	}
}

// A whole city stays unchanged when asked for again.
func TestACityIsWrittenOnce(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "absent", "reference")
	written := ""
	for _, c := range []struct {
		args []string
		code int
	}{
		{nil, 0},
		{[]string{"--seed=2"}, 1},
		{[]string{"--seed=2", "--missing"}, 0},
	} {
		var out, log strings.Builder
		if code := run(t.Context(), append([]string{"city", "--cameras=10", "--vehicles=100", "--out", dir}, c.args...), &out, &log); code != c.code {
			t.Fatalf("city %v: exit code %d, want %d: %s", c.args, code, c.code, log.String())
		}
		tokens, err := os.ReadFile(filepath.Join(dir, "secrets", "camera-tokens.csv"))
		if err != nil {
			t.Fatal(err)
		}
		if written != "" && string(tokens) != written {
			t.Errorf("city %v wrote the city anew", c.args)
		}
		written = string(tokens)
	}
}
