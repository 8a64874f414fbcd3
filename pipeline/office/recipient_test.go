package office

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/gvc-brussels/anpr/pipeline/evidence/bundle"
)

// checkAsRecipient looks at the file of a batch as its recipient does, who has nothing of the office: the lists fit the schema
// that came with them, by a validator that is not ours, and a copy of the command alone in a directory, without a setting and
// an environment, says that the file holds, and names the part in which a byte is changed.
func (d *sendDesk) checkAsRecipient(file []byte, ids []string) {
	d.t.Helper()
	d.checkLists(file, ids)
	d.checkSchema(file)
	dir := d.t.TempDir()
	command := filepath.Join(dir, "anpr")
	if out, err := exec.CommandContext(d.t.Context(), "go", "build", "-ldflags=-s -w", "-o", command, "github.com/gvc-brussels/anpr/cmd/anpr").CombinedOutput(); err != nil {
		d.t.Fatalf("%v: %s", err, out)
	}
	verify := func(file []byte) (said string, code int) {
		d.t.Helper()
		if err := os.WriteFile(filepath.Join(dir, "batch.zip"), file, 0o600); err != nil {
			d.t.Fatal(err)
		}
		cmd := exec.CommandContext(d.t.Context(), command, "evidence", "verify", "batch.zip")
		cmd.Dir, cmd.Env = dir, []string{}
		out, err := cmd.CombinedOutput()
		if exit, ok := errors.AsType[*exec.ExitError](err); ok {
			return string(out), exit.ExitCode()
		}
		if err != nil {
			d.t.Fatal(err)
		}
		return string(out), 0
	}
	if said, code := verify(file); code != 0 || !strings.Contains(said, fmt.Sprintf(": %d cases\n", len(ids))) || !strings.Contains(said, "\nok: every byte of the batch") {
		d.t.Fatalf("exit code %d: %s", code, said)
	}
	places := d.placesOf(file)
	batch := bundle.VerifyBatch(file, bundle.Trust{})
	one := bundle.Verify([]byte(partsOf(d.t, file)[batch.Manifest.Parts[slices.IndexFunc(batch.Manifest.Parts, func(e bundle.Entry) bool { return strings.HasSuffix(e.Path, ".zip") })].Path]), bundle.Trust{})
	if want := len(batch.Manifest.Parts) - len(batch.Manifest.Cases) + len(one.Manifest.Parts) + 4; len(places) != want { // each manifest has a signature
		d.t.Errorf("%d parts in a batch, want %d: %v", len(places), want, places)
	}
	for part, at := range places {
		changed := bytes.Clone(file)
		changed[at] ^= 1
		if said, code := verify(changed); code != 1 || !strings.Contains(said, fmt.Sprintf("DOES NOT HOLD: %q", part)) || strings.Contains(said, "\nok:") {
			d.t.Errorf("byte %d in %s changed: exit code %d: %s", at, part, code, said)
		}
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 2 {
		d.t.Errorf("the command left %v behind, %v", left, err)
	}
}

// placesOf returns the place of a byte of each part of a batch, and of each part of its first bundle. The others have the same
// parts.
func (d *sendDesk) placesOf(file []byte) map[string]int64 {
	d.t.Helper()
	out, opened := map[string]int64{}, false
	var add func(prefix string, from, size int64)
	add = func(prefix string, from, size int64) {
		z, err := zip.NewReader(bytes.NewReader(file[from:from+size]), size)
		if err != nil {
			d.t.Fatal(err)
		}
		for _, f := range z.File {
			at, err := f.DataOffset()
			if err != nil || f.Method != zip.Store || f.UncompressedSize64 == 0 {
				d.t.Fatalf("%s: %v, method %d, %d bytes", f.Name, err, f.Method, f.UncompressedSize64)
			}
			length := int64(f.UncompressedSize64) //nolint:gosec // at most the size of the file
			if strings.HasSuffix(f.Name, ".zip") && !opened {
				opened = true
				add(f.Name+": ", from+at, length)
				continue
			}
			if !strings.HasSuffix(f.Name, ".zip") {
				out[prefix+f.Name] = from + at + length/2
			}
		}
	}
	add("", 0, int64(len(file)))
	return out
}

// checkSchema validates the list of a batch against the schema beside it; a list that lacks a field of a case does not fit.
func (d *sendDesk) checkSchema(file []byte) {
	d.t.Helper()
	parts := partsOf(d.t, file)
	read := func(text string) any {
		v, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
		if err != nil {
			d.t.Fatal(err)
		}
		return v
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("batch", read(parts["batch.schema.json"])); err != nil {
		d.t.Fatal(err)
	}
	schema, err := c.Compile("batch")
	if err != nil {
		d.t.Fatal(err)
	}
	list := read(parts["batch.json"])
	if err := schema.Validate(list); err != nil {
		d.t.Errorf("the list does not fit the schema beside it: %v", err)
	}
	delete(list.(map[string]any)["cases"].([]any)[0].(map[string]any), "number")
	if schema.Validate(list) == nil {
		d.t.Error("a case without a number fits the schema")
	}
}
