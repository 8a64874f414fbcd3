package gateway

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/gvc-brussels/anpr/schemas"
)

// TestEveryPlaceThatNamesTheFormatsHasThemAll compares every hand-written list of formats with the one list in code.
// -update writes the README's table and doc.go's addresses; the fuzz target and the payloads are written by hand.
func TestEveryPlaceThatNamesTheFormatsHasThemAll(t *testing.T) {
	var rows, lines string
	for _, f := range Formats() {
		rows += fmt.Sprintf("| `%s` | %s | `%s` |\n", f.Path, f.Takes, strings.Join(f.Types, "`, `"))
		lines += fmt.Sprintf("//\tPOST /v1/cameras/{camera_id}/%-16s %s\n", f.Path, f.Takes)
	}
	holdGenerated(t, "../../README.md", regexp.MustCompile("(?:\\| `[a-z]+` \\| .* \\| `[a-z]+/.*\n)+"), rows)
	holdGenerated(t, "doc.go", regexp.MustCompile("(?://\tPOST /v1/cameras/.*\n)+"), lines)
	fuzzed := string(load(t, "fuzz_test.go"))
	_, unknown := parseUpload("no-such-format", "application/json", []byte("{}"))
	samplesOf := map[string]int{}
	for _, s := range Samples() {
		samplesOf[s.Format]++
	}
	for _, f := range Formats() {
		if !strings.Contains(fuzzed, fmt.Sprintf("fuzzFormat(f, %q)", f.Path)) {
			t.Errorf("no fuzz target reads %s: add it to fuzz_test.go", f.Path)
		}
		if !strings.Contains(unknown.Detail, f.Path) {
			t.Errorf("an unknown address is not told of %s: %s", f.Path, unknown.Detail)
		}
		if want := map[bool]int{true: 1}[f.Sample != ""]; samplesOf[f.Path] != want {
			t.Errorf("%s: got %d samples, want %d", f.Path, samplesOf[f.Path], want)
		}
		payloads := 0
		for _, file := range samples(t) {
			if formatOf(file) == f.Path {
				payloads++
			}
		}
		if payloads < 1 || f.read == nil || len(f.Types) == 0 || f.Name == "" || f.Takes == "" {
			t.Errorf("%s: %d payloads in testdata, or an empty column in the list", f.Path, payloads)
		}
	}
	for _, file := range samples(t) {
		if findFormat(formatOf(file)) == nil {
			t.Errorf("%s belongs to no format of the list", file)
		}
	}
}

// holdGenerated compares a file's only matching block with the generated form, or writes the form with -update.
func holdGenerated(t *testing.T, file string, block *regexp.Regexp, want string) {
	t.Helper()
	text := string(load(t, file))
	found := block.FindAllStringIndex(text, -1)
	if len(found) != 1 {
		t.Fatalf("%s has %d lists of formats, want 1", file, len(found))
	}
	from, to := found[0][0], found[0][1]
	if *update {
		if err := os.WriteFile(file, []byte(text[:from]+want+text[to:]), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if got := text[from:to]; got != want {
		t.Errorf("%s lists\n%s\nwant\n%s\nrun go test ./pipeline/gateway -run TestEveryPlace -update", file, got, want)
	}
}

// projectFiles returns the files of the project below the roots, without what git ignores: builds of the pages, npm's
// modules, secrets. Where git cannot be asked, the folders that it would ignore are left out by name.
func projectFiles(t *testing.T, roots ...string) (files []string) {
	t.Helper()
	ask := exec.CommandContext(t.Context(), "git", append([]string{"-C", "../..", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--"}, roots...)...)
	if out, err := ask.Output(); err == nil && len(out) > 0 {
		for name := range strings.SplitSeq(strings.TrimSuffix(string(out), "\x00"), "\x00") {
			files = append(files, "../../"+name)
		}
		slices.Sort(files)
		return slices.DeleteFunc(files, func(path string) bool {
			info, err := os.Lstat(path)
			return err != nil || !info.Mode().IsRegular() // deleted and not committed, a link
		})
	}
	ignored := []string{"deploy/reference", "deploy/secrets", "pipeline/office/web/dist", "pipeline/office/web/node_modules"}
	for _, root := range roots {
		err := filepath.WalkDir("../../"+root, func(path string, d fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case d.IsDir() && slices.Contains(ignored, strings.TrimPrefix(filepath.ToSlash(path), "../../")):
				return fs.SkipDir
			case d.Type().IsRegular():
				files = append(files, path)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return files
}

// TestNoOtherListOfFormatsIsLeft reads the files of the project naming most of the formats: each must be known here,
// because another test in this package compares it with the list.
func TestNoOtherListOfFormatsIsLeft(t *testing.T) {
	known := []string{"README.md", "pipeline/gateway/doc.go", "pipeline/gateway/formats.go"}
	kinds := []string{".go", ".md", ".proto", ".sql", ".json", ".yaml", ".yml", ".sh", ".conf", ".service", ""}
	formats := Formats()
	words := make([]*regexp.Regexp, 0, len(formats))
	for _, f := range formats {
		words = append(words, regexp.MustCompile(`\b`+f.Path+`\b`))
	}
	var lists []string
	files := projectFiles(t, "README.md", "ARCHITECTURE.md", "CHANGELOG.md", "Makefile", "bench", "cmd", "deploy", "pipeline", "rules", "schemas")
	for _, path := range files {
		if strings.Contains(path, "/testdata/") || strings.HasSuffix(path, "_test.go") || !slices.Contains(kinds, filepath.Ext(path)) {
			continue
		}
		text, named := load(t, path), 0
		for i, f := range formats {
			if bytes.Contains(text, []byte(f.Path)) && words[i].Match(text) {
				named++
			}
		}
		if named >= len(formats)-1 {
			lists = append(lists, strings.TrimPrefix(filepath.ToSlash(path), "../../"))
		}
	}
	if !slices.Equal(lists, known) {
		t.Errorf("formats are listed in %q, want %q: make the list from Formats, or hold it against them", lists, known)
	}
	if len(files) < 500 {
		t.Errorf("%d files: the project is not whole", len(files))
	}
}

func TestMetricsHaveALabelForEachFormat(t *testing.T) {
	reg := prometheus.NewRegistry()
	NewMetrics(reg)
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"anpr_gateway_reads_accepted_total", "anpr_gateway_events_ignored_total"} {
		i := slices.IndexFunc(families, func(f *dto.MetricFamily) bool { return f.GetName() == name })
		if i < 0 {
			t.Fatalf("%s is not registered", name)
		}
		for _, f := range Formats() {
			if !strings.Contains(families[i].String(), fmt.Sprintf("value:%q", f.Name)) {
				t.Errorf("%s has no label for %s", name, f.Name)
			}
		}
	}
}

// said is a message with a camera's event id, and the replacements in it.
type said struct {
	kind, message                  string
	plate, otherPlate              string
	time, otherTime                string
	content, moreContent, onceMore string // moreContent replaces content; onceMore is the retransmission's dress of the message
	plateField                     string // how the plate's field stands in the message
}

// observations has one message of every format whose camera gives an id.
func observations() map[string]said {
	const json = "application/json"
	return map[string]said{
		"reads": {
			json, `{"captured_at_us":1779351006000000,"raw_plate":"1ABC123","camera_event_id":"e1","speed_dkmh":0}`,
			"1ABC123", "1XYZ987", "1779351006000000", "1779351007000000", `"speed_dkmh":0`, `"speed_dkmh":570`, `"lateUpload":true,"speed_dkmh":0`,
			`"raw_plate"`,
		},
		"hikvision": {
			"application/xml", hik,
			"1ABC123", "1XYZ987", "10:10:06", "10:10:07", "<speed>57</speed>", "<speed>58</speed>", "<speed>57.0</speed><isDataRetransmission>true</isDataRetransmission>",
			"<licensePlate>1ABC123</licensePlate>",
		},
		"openalpr": {
			json, `{"data_type":"alpr_group","epoch_start":1779351006000,"best_uuid":"e1","best_plate":{"plate":"1ABC123"},"best_confidence":91.5}`,
			"1ABC123", "1XYZ987", "1779351006000", "1779351007000", `"best_confidence":91.5`, `"best_confidence":98`, `"best_confidence":"91.50"`,
			`"best_plate"`,
		},
		"platerecognizer": {
			json, `{"hook":{"event":"recognition"},"data":{"timestamp":"2026-05-21T08:10:06Z","results":[{"plate":"1abc123","score":0.9}]}}`,
			"1abc123", "1xyz987", "08:10:06", "08:10:07", `"score":0.9`, `"score":0.95`, `"score":"0.90"`,
			`"plate"`,
		},
		"axis": {
			json, `{"carID":"7","capture_timestamp":"1779351006000","plateText":"1ABC123","carState":"new","view":"unknown"}`,
			"1ABC123", "1XYZ987", "1779351006000", "1779351007000", `"view":"unknown"`, `"view":"front"`, `"view":"unk"`,
			`"plateText"`,
		},
		"survision": {
			json, `{"anpr":{"@date":"1779351006000","@id":"5","@session":"9","decision":{"@plate":"1ABC123","@reliability":"80"}}}`,
			"1ABC123", "1XYZ987", "1779351006000", "1779351007000", `"@reliability":"80"`, `"@reliability":"90"`, `"@reliability":"80.0"`,
			`"@plate"`,
		},
		"dahua": {
			json, `{"Picture":{"Plate":{"IsExist":true,"PlateNumber":"1ABC123","Confidence":200},"SnapInfo":{"AccurateTime":"2026-05-21 10:10:06.250","LanNo":1}}}`,
			"1ABC123", "1XYZ987", "10:10:06", "10:10:07", `"Confidence":200`, `"Confidence":210`, `"UploadNum":2,"Confidence":"200"`,
			`"PlateNumber"`,
		},
	}
}

// TestAnEventIDAloneNeverMakesTwoObservationsOne says one thing four ways under one event id, for every format.
func TestAnEventIDAloneNeverMakesTwoObservationsOne(t *testing.T) {
	for _, f := range Formats() {
		o, ok := observations()[f.Path]
		if !ok {
			t.Errorf("%s has no message here", f.Path)
			continue
		}
		first := idsOf(t, f.Path, o.kind, o.message)
		for name, c := range map[string]struct {
			old, with string
			same      bool
		}{
			"another plate":            {o.plate, o.otherPlate, false},
			"the same plate later":     {o.time, o.otherTime, false},
			"more content":             {o.content, o.moreContent, false},
			"the same again":           {"", "", true},
			"the same, sent once more": {o.content, o.onceMore, true},
		} {
			if !strings.Contains(o.message, c.old) {
				t.Fatalf("%s: %q is not in the message", f.Path, c.old)
			}
			second := idsOf(t, f.Path, o.kind, strings.Replace(o.message, c.old, c.with, 1))
			if (first == second) != c.same {
				t.Errorf("%s, %s: got ids %s and %s, want them equal: %t", f.Path, name, first, second, c.same)
			}
		}
	}
}

// idsOf returns the id of the one read in a message.
func idsOf(t testing.TB, path, kind, message string) schemas.ID {
	t.Helper()
	ev := single(t, path, kind, []byte(message))
	ev.Read.CameraId = "cam-1"
	ev.setReadID()
	return schemas.ID(ev.Read.ReadId)
}

func TestAPictureIsContentOfItsRead(t *testing.T) {
	ids := map[string]bool{}
	for _, c := range []struct{ best, more []byte }{{}, {best: []byte{1}}, {best: []byte{2}}, {more: []byte{1}}, {best: []byte{1}, more: []byte{2}}} {
		ev := single(t, "hikvision", "", []byte(hik))
		if c.best != nil {
			ev.Read.ImageSha256 = append(c.best, make([]byte, 31)...)
		}
		if c.more != nil {
			ev.Read.MoreImagesSha256 = [][]byte{append(c.more, make([]byte, 31)...)}
		}
		ev.setReadID()
		ids[string(ev.Read.ReadId)] = true
	}
	if len(ids) != 5 {
		t.Errorf("got %d ids of five reads that differ in pictures, want 5", len(ids))
	}
}
