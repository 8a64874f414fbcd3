package regress

import (
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestMannWhitneyKnownValues(t *testing.T) {
	seq := func(from, n int) (out []float64) {
		for i := range n {
			out = append(out, float64(from+i))
		}
		return out
	}
	for name, c := range map[string]struct {
		a, b []float64
		p    float64
	}{
		// 10 against 10 without overlap: 2 of 184,756 orders.
		"apart":          {seq(0, 10), seq(100, 10), 2.0 / 184756},
		"apart, 5 and 5": {seq(0, 5), seq(100, 5), 2.0 / 252},
		// U = 6: 24 of 70 orders have U <= 6
		"interleaved":      {[]float64{1, 3, 5, 7}, []float64{2, 4, 6, 8}, 0.6857142857},
		"R's wilcox.test":  {[]float64{0.8, 0.83, 1.89, 1.04, 1.45, 1.38, 1.91, 1.64, 0.73, 1.46}, []float64{1.15, 0.88, 0.9, 0.74, 1.21}, 0.2544122544},
		"all equal":        {[]float64{5, 5, 5}, []float64{5, 5, 5}, 1},
		"ties, no overlap": {[]float64{1, 1, 1, 1, 1, 1, 1, 1, 1, 1}, []float64{2, 2, 2, 2, 2, 2, 2, 2, 2, 2}, 2.0 / 184756},
		"nothing":          {nil, seq(0, 3), 1},
	} {
		if got := mannWhitney(c.a, c.b); math.Abs(got-c.p) > 1e-6+c.p/50 {
			t.Errorf("%s: got %g, want %g", name, got, c.p)
		}
		if a, b := mannWhitney(c.a, c.b), mannWhitney(c.b, c.a); math.Abs(a-b) > 1e-12 {
			t.Errorf("%s: %g one way and %g the other", name, a, b)
		}
	}
}

func TestJudgeNeedsBoth(t *testing.T) {
	c := Config{P: 0.01, Threshold: 10}
	ten := func(from, step float64) (out []float64) {
		for i := range 10 {
			out = append(out, from+step*float64(i))
		}
		return out
	}
	for name, s := range map[string]struct {
		Samples
		want bool
	}{
		"20 % slower, clearly":           {Samples{Base: ten(100, 0.1), Head: ten(120, 0.1)}, true},
		"5 % slower, clearly":            {Samples{Base: ten(100, 0.1), Head: ten(105, 0.1)}, false},
		"20 % slower, in wild noise":     {Samples{Base: ten(50, 20), Head: ten(70, 20)}, false},
		"20 % faster":                    {Samples{Base: ten(120, 0.1), Head: ten(100, 0.1)}, false},
		"an allocation where none was":   {Samples{Base: make([]float64, 10), Head: ten(1, 0)}, true},
		"a benchmark that is new":        {Samples{Head: ten(100, 1)}, false},
		"two samples can prove nothing":  {Samples{Base: []float64{1, 2}, Head: []float64{10, 11}}, false},
		"one outlier on the head's side": {Samples{Base: ten(100, 0.1), Head: append(ten(100.05, 0.1)[:9], 900)}, false},
	} {
		if got := c.Judge(s.Samples); got.Regressed != s.want {
			t.Errorf("%s: got %+v, want regressed %t", name, got, s.want)
		}
	}
}

func TestParse(t *testing.T) {
	got, err := Parse(strings.NewReader("goos: linux\nBenchmarkA/protobuf/rate=115-2   \t 300 \t 265.0 ns/op\t 12 B/record\t 0 allocs/op\nBenchmarkB\nBenchmarkB \t10\t5 ns/op\nPASS\n"))
	if err != nil || len(got) != 2 {
		t.Fatalf("%d results, %v", len(got), err)
	}
	if a := got[0]; a.Name != "A/protobuf/rate=115" || a.Metrics["ns/op"] != 265 || a.Metrics["B/record"] != 12 || a.Metrics["allocs/op"] != 0 {
		t.Errorf("got %+v", a)
	}
	if got[1].Name != "B" {
		t.Errorf("without a suffix: got %q", got[1].Name)
	}
}

// repository makes a git repository with a benchmark, and returns a function that makes each of its runs allocate.
func repository(t *testing.T) (dir string, allocate func()) {
	t.Helper()
	dir = t.TempDir()
	write := func(name, text string) {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	work := func(kept string) string {
		return "package work\n\nvar kept []int\n\n// Copy keeps v.\nfunc Copy(v []int) { kept = " + kept + " }\n"
	}
	write("go.mod", "module example.org/work\n\ngo 1.26\n")
	write("work/work.go", work("v"))
	write("work/work_test.go", `package work

import "testing"

func BenchmarkCopy(b *testing.B) {
	v := make([]int, 10)
	for b.Loop() {
		Copy(v)
	}
}
`)
	for _, args := range [][]string{
		{"init", "-q"}, {"add", "."}, {"-c", "user.name=test", "-c", "user.email=test@example.org", "-c", "commit.gpgsign=false", "commit", "-q", "-m", "base"},
	} {
		cmd := exec.CommandContext(t.Context(), "git", args...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
	}
	return dir, func() { write("work/work.go", work("append([]int(nil), v...)")) }
}

// TestPlantedAllocationIsFoundAndTheSameCodeIsQuiet builds and runs real benchmarks of two trees. It judges the
// allocations, which are exact on any machine; TestBothPassesMustAgree judges times.
func TestPlantedAllocationIsFoundAndTheSameCodeIsQuiet(t *testing.T) {
	dir, allocate := repository(t)
	run := &TreeComparison{
		Dir: dir, Base: "HEAD", Samples: 10, Config: Config{P: 0.01, Threshold: 30},
		Suites: []Suite{{Package: "./work", Bench: "^BenchmarkCopy$", Times: "100x"}},
	}
	allocations := func() Judgement {
		t.Helper()
		verdicts, err := run.Compare(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if len(verdicts) != 2 || verdicts[0].N != 10 || verdicts[0].Unit != "allocs/op" || verdicts[1].Unit != "ns/op" {
			t.Fatalf("got %+v, want allocations and time of one benchmark, ten samples a side", verdicts)
		}
		return verdicts[0]
	}
	if got := allocations(); got.Regressed || got.Base != 0 || got.Head != 0 {
		t.Errorf("the same code on both sides: %+v", got)
	}
	allocate()
	if got := allocations(); !got.Regressed || got.Head != 1 {
		t.Errorf("an allocation more: got %+v, want allocs/op regressed", got)
	}
	worktrees := exec.CommandContext(t.Context(), "git", "worktree", "list")
	worktrees.Dir = dir
	if out, err := worktrees.Output(); err != nil || strings.Count(string(out), "\n") != 1 {
		t.Errorf("worktrees left behind: %s %v", out, err)
	}
}

// scriptedSide is a side whose benchmark prints a time for each pass of ten runs, a little more with each run.
func scriptedSide(t *testing.T, times ...int) *side {
	t.Helper()
	dir := t.TempDir()
	script := "#!/bin/sh\nn=$(cat n 2>/dev/null || echo 0)\necho $((n + 1)) > n\ncase $((n / 10)) in\n"
	for pass, ns := range times {
		script += fmt.Sprintf("%d) ns=$((%d + n)) ;;\n", pass, ns)
	}
	script += "*) echo 'a pass too many' >&2; exit 1 ;;\nesac\necho \"BenchmarkSum 100 $ns ns/op 0 B/op 0 allocs/op\"\n"
	bin := filepath.Join(dir, "sum.test")
	if err := os.WriteFile(bin, []byte(script), 0o700); err != nil { //nolint:gosec // it is run
		t.Fatal(err)
	}
	return &side{dir: dir, bins: []string{bin}}
}

// TestBothPassesMustAgree: a slowdown counts when the samples that confirm it show it as well, and a second pass is
// taken of suites that look regressed alone.
func TestBothPassesMustAgree(t *testing.T) {
	for name, c := range map[string]struct {
		base, head []int // ns/op of each pass
		want       bool
	}{
		"twice the work":              {[]int{1000, 1000}, []int{2000, 2000}, true},
		"a busy first pass":           {[]int{1000, 1000}, []int{2000, 1000}, false},
		"the same, with no more runs": {[]int{1000}, []int{1000}, false},
		"faster":                      {[]int{2000}, []int{1000}, false},
		"within the threshold":        {[]int{1000}, []int{1200}, false},
		"busy on the base's side":     {[]int{1000, 5000}, []int{2000, 2000}, false},
	} {
		run := &TreeComparison{Dir: t.TempDir(), Samples: 10, Config: Config{P: 0.01, Threshold: 30}, Suites: []Suite{{Package: ".", Bench: "Sum"}}}
		verdicts, err := run.sampleBoth(t.Context(), scriptedSide(t, c.base...), scriptedSide(t, c.head...))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for _, v := range verdicts {
			if want := c.want && v.Unit == "ns/op"; v.Regressed != want || v.N != 10 {
				t.Errorf("%s: %s: got %+v, want regressed %t", name, v.Unit, v, want)
			}
		}
		if len(verdicts) != 2 {
			t.Errorf("%s: %d judgements, want time and allocations", name, len(verdicts))
		}
	}
}
