package deploy

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// testsOf returns the names of the tests of a package's folder, build tags or not.
func testsOf(t *testing.T, folder string) map[string]bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", filepath.FromSlash(folder), "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, f := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), f, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range parsed.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && strings.HasPrefix(fn.Name.Name, "Test") {
				names[fn.Name.Name] = true
			}
		}
	}
	return names
}

var namedTest = regexp.MustCompile("`([a-z][a-z0-9/]*)\\.(Test\\w+)`")

// missingProofs returns the table lines of a document under "What holds" that name no test, and the named tests
// that do not exist.
func missingProofs(t *testing.T, document string) (out []string, named int) {
	t.Helper()
	known := map[string]map[string]bool{}
	holds := false
	for line := range strings.Lines(document) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "## ") {
			holds = line == "## What holds"
		}
		tests := namedTest.FindAllStringSubmatch(line, -1)
		if holds && strings.HasPrefix(line, "| ") && !strings.HasPrefix(line, "| against ") && len(tests) == 0 {
			out = append(out, "no test is named: "+line)
		}
		for _, m := range tests {
			named++
			if known[m[1]] == nil {
				known[m[1]] = testsOf(t, m[1])
			}
			if !known[m[1]][m[2]] {
				out = append(out, "no test "+m[1]+"."+m[2])
			}
		}
	}
	return out, named
}

func TestEveryPromiseOfTheSecurityPageHasATest(t *testing.T) {
	missing, named := missingProofs(t, string(read(t, "SECURITY.md")))
	for _, m := range missing {
		t.Error("SECURITY.md: " + m)
	}
	if named < 40 {
		t.Errorf("SECURITY.md names %d tests, want at least 40: the page was not understood", named)
	}
}

func TestAPromiseWithoutATestIsReported(t *testing.T) {
	for text, want := range map[string]string{
		"## What holds\n| against | what holds | shown by |\n|---|---|---|\n| a | b | none |\n":             "no test is named",
		"## What holds\n| a | b | `deploy.TestThatIsNotThere` |\n":                                          "no test deploy.TestThatIsNotThere",
		"## What holds\n| a | b | `pipeline/nowhere.TestAPromiseWithoutATestIsReported` |\n":                "no test pipeline/nowhere",
		"# A\n## What holds\n### Gateway\n| a | b | `deploy.TestAPromiseWithoutATestIsReported`, TestX |\n": "",
		"## What does not hold\n| a | b | none |\n":                                                         "",
	} {
		got, _ := missingProofs(t, text)
		if all := strings.Join(got, "\n"); want == "" && all != "" || !strings.Contains(all, want) {
			t.Errorf("%q: got %q, want a complaint with %q", text, all, want)
		}
	}
}
