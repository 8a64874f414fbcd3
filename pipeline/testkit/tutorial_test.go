// The commands of a tutorial run the same under the race detector of this binary, which would not see them.

//go:build !race

package testkit_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// A tutorial is a Markdown file ADD_A_*.md whose fenced blocks are carried out in order, in a copy of the project:
//
//	```go file=PATH      a new file with this content; any language will do: sql, yaml, json
//	```diff              a unified diff; its line numbers do not count, its context does
//	```sh                commands, which must succeed; after exit=N in the info string, which must end with code N
//	```output            what the commands before said: each line is part of a line of theirs, in this order
//
// Its last line is "Files touched: N". Blocks without an info string, and of another one, are text.
type tutorialBlock struct {
	line int    // of the file, where it begins
	info string // after the fence
	text string
}

var (
	fence        = regexp.MustCompile("^```(.*)$")
	filesTouched = regexp.MustCompile(`^Files touched: (\d+)$`)
	exitCode     = regexp.MustCompile(`^sh(?: exit=(\d+))?$`)
	newFile      = regexp.MustCompile(`^[a-z]+ file=(\S+)$`)
)

// parseTutorial returns the blocks of a tutorial and the number of files that the tutorial claims to touch.
func parseTutorial(text string) (blocks []tutorialBlock, files int, err error) {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	open := -1
	for i, line := range lines {
		m := fence.FindStringSubmatch(line)
		switch {
		case m == nil && open >= 0:
			blocks[len(blocks)-1].text += line + "\n"
		case m == nil:
		case open >= 0 && m[1] == "":
			open = -1
		case open >= 0:
			return nil, 0, fmt.Errorf("line %d: a block begins within the block of line %d", i+1, open)
		default:
			open = i + 1
			blocks = append(blocks, tutorialBlock{line: open, info: m[1]})
		}
	}
	if open >= 0 {
		return nil, 0, fmt.Errorf("line %d: the block does not end", open)
	}
	m := filesTouched.FindStringSubmatch(lines[len(lines)-1])
	if m == nil {
		return nil, 0, errors.New(`the last line must be "Files touched: N"`)
	}
	files, err = strconv.Atoi(m[1])
	return blocks, files, err
}

// tutorialRun carries out the blocks of a tutorial in dir.
type tutorialRun struct {
	dir    string
	output string // of the last commands
}

// run carries out a block.
func (r *tutorialRun) run(ctx context.Context, b *tutorialBlock) error {
	if m := newFile.FindStringSubmatch(b.info); m != nil {
		return r.writeFile(m[1], b.text)
	}
	if m := exitCode.FindStringSubmatch(b.info); m != nil {
		return r.runCommands(ctx, b.text, m[1])
	}
	switch b.info {
	case "diff":
		cmd := exec.CommandContext(ctx, "git", "apply", "--recount", "-")
		cmd.Dir, cmd.Stdin = r.dir, strings.NewReader(b.text)
		cmd.Env = append(os.Environ(), "GIT_CEILING_DIRECTORIES="+filepath.Dir(r.dir)) // the copy is no repository
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("the diff does not apply: %w\n%s", err, out)
		}
	case "output":
		return r.expectOutput(b.text)
	}
	return nil
}

func (r *tutorialRun) writeFile(path, text string) error {
	if !filepath.IsLocal(path) {
		return fmt.Errorf("%s is outside of the project", path)
	}
	at := filepath.Join(r.dir, path)
	if _, err := os.Stat(at); err == nil {
		return fmt.Errorf("%s is there already: change it by a diff", path)
	}
	if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
		return err
	}
	return os.WriteFile(at, []byte(text), 0o644)
}

func (r *tutorialRun) runCommands(ctx context.Context, text, wantCode string) error {
	cmd := exec.CommandContext(ctx, "sh", "-e", "-c", text)
	// The project is vetted once, in its own tests; what the copy does not change is in the build cache.
	cmd.Dir, cmd.Env = r.dir, append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off", "GOFLAGS="+os.Getenv("GOFLAGS")+" -trimpath -vet=off")
	out, err := cmd.CombinedOutput()
	r.output = string(out)
	want, _ := strconv.Atoi("0" + wantCode)
	if exit := new(exec.ExitError); err != nil && !errors.As(err, &exit) {
		return err
	}
	if got := cmd.ProcessState.ExitCode(); got != want {
		return fmt.Errorf("the commands end with code %d, want %d:\n%s", got, want, out)
	}
	return nil
}

// expectOutput reports the first line that the last commands did not say, in order.
func (r *tutorialRun) expectOutput(text string) error {
	said := strings.Split(r.output, "\n")
	for line := range strings.Lines(text) {
		want := strings.TrimSpace(line)
		i := slices.IndexFunc(said, func(s string) bool { return strings.Contains(s, want) })
		if i < 0 {
			return fmt.Errorf("the commands did not say %q, or not in this order:\n%s", want, r.output)
		}
		said = said[i+1:]
	}
	return nil
}

// copyProject copies the project's files.
func copyProject(t *testing.T, root, dir string) {
	t.Helper()
	list := exec.CommandContext(t.Context(), "git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	list.Dir = root
	out, err := list.Output()
	if err != nil {
		t.Fatalf("git ls-files: %v", err)
	}
	n := 0
	for path := range strings.SplitSeq(strings.TrimRight(string(out), "\x00"), "\x00") {
		info, err := os.Lstat(filepath.Join(root, path))
		if errors.Is(err, fs.ErrNotExist) || err == nil && !info.Mode().IsRegular() {
			continue // deleted and not committed yet, or a link
		}
		raw, err := os.ReadFile(filepath.Join(root, path))
		if err != nil {
			t.Fatal(err)
		}
		at := filepath.Join(dir, path)
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(at, raw, info.Mode().Perm()); err != nil {
			t.Fatal(err)
		}
		n++
	}
	if n < 100 {
		t.Fatalf("%d files copied: the test looks at the wrong place", n)
	}
}

// sumFiles returns a sum of every file below dir.
func sumFiles(t *testing.T, dir string) map[string][sha256.Size]byte {
	t.Helper()
	out := map[string][sha256.Size]byte{}
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		raw, err := os.ReadFile(path)
		out[strings.TrimPrefix(path, dir+string(filepath.Separator))] = sha256.Sum256(raw)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// A broken tutorial teaches nothing: every tutorial of the project is carried out, and names the true number of
// files.
func TestEveryTutorialWorks(t *testing.T) {
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	tutorials := []string{}
	for _, pattern := range []string{"*", "*/*", "*/*/*"} {
		found, _ := filepath.Glob(filepath.Join(root, pattern, "ADD_A_*.md"))
		tutorials = append(tutorials, found...)
	}
	if len(tutorials) == 0 {
		t.Fatal("no tutorial was found: the test looks at the wrong place")
	}
	project := filepath.Join(t.TempDir(), "project") // one place for all, so that unchanged code is compiled once
	for _, path := range tutorials {
		t.Run(filepath.Base(path), func(t *testing.T) {
			if err := os.RemoveAll(project); err != nil {
				t.Fatal(err)
			}
			raw, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			blocks, files, err := parseTutorial(string(raw))
			if err != nil {
				t.Fatalf("%s: %v", path, err)
			}
			r := &tutorialRun{dir: project}
			copyProject(t, root, r.dir)
			before := sumFiles(t, r.dir)
			for i := range blocks {
				if err := r.run(t.Context(), &blocks[i]); err != nil {
					t.Fatalf("%s:%d: %v", path, blocks[i].line, err)
				}
			}
			var touched []string
			for name, sum := range sumFiles(t, r.dir) {
				if was, there := before[name]; !there || was != sum {
					touched = append(touched, name)
				}
				delete(before, name)
			}
			for name := range before {
				touched = append(touched, name)
			}
			if slices.Sort(touched); len(touched) != files {
				t.Errorf("%s says that %d files are touched, it touches %d: %v", path, files, len(touched), touched)
			}
		})
	}
}

// The runner itself must not pass a failing tutorial.
func TestATutorialThatDoesNotWorkIsRefused(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"a command fails":         {"```sh\nexit 3\n```\nFiles touched: 0\n", "code 3, want 0"},
		"it should fail":          {"```sh exit=1\ntrue\n```\nFiles touched: 0\n", "code 0, want 1"},
		"another output":          {"```sh\necho a; echo b\n```\n```output\nb\na\n```\nFiles touched: 0\n", `did not say "a"`},
		"a file twice":            {"```go file=a.go\nx\n```\n```go file=a.go\nx\n```\nFiles touched: 1\n", "there already"},
		"a file outside":          {"```go file=../a.go\nx\n```\nFiles touched: 1\n", "outside"},
		"a diff of nothing there": {"```diff\n--- a/x.go\n+++ b/x.go\n@@ -1,1 +1,1 @@\n-a\n+b\n```\nFiles touched: 1\n", "does not apply"},
		"no number of files":      {"```sh\ntrue\n```\n", "Files touched"},
		"a block without end":     {"```sh\ntrue\n", "does not end"},
	} {
		blocks, _, err := parseTutorial(c.text)
		r := &tutorialRun{dir: t.TempDir()}
		for i := range blocks {
			if err == nil {
				err = r.run(t.Context(), &blocks[i])
			}
		}
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", name, err, c.want)
		}
	}
	dir := t.TempDir()
	r := &tutorialRun{dir: dir}
	blocks, files, err := parseTutorial("Text.\n\n```yaml file=d/a.yaml\na: 1\n```\n\n```diff\n--- a/d/a.yaml\n+++ b/d/a.yaml\n@@ -7,9 +7,9 @@\n-a: 1\n+a: 2\n```\n```sh\ncat d/a.yaml; echo end\n```\n```output\na: 2\nend\n```\n\nFiles touched: 1\n")
	if err != nil || files != 1 || len(blocks) != 4 {
		t.Fatalf("got %d blocks, %d files, err %v", len(blocks), files, err)
	}
	for i := range blocks {
		if err := r.run(t.Context(), &blocks[i]); err != nil {
			t.Errorf("block %d: %v", i, err)
		}
	}
	if raw, _ := os.ReadFile(filepath.Join(dir, "d/a.yaml")); !bytes.Equal(raw, []byte("a: 2\n")) {
		t.Errorf("got %q", raw)
	}
}
