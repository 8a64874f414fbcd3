package regress

import (
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

// repository makes a git repository with a benchmark, and returns a function that plants a slower version.
func repository(t *testing.T) (dir string, slow func()) {
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
	work := func(rounds string) string {
		return "package work\n\n// Sum adds.\nfunc Sum(v []int) (s int) {\n\tfor range " + rounds + " {\n\t\tfor _, x := range v {\n\t\t\ts += x * x\n\t\t}\n\t}\n\treturn s\n}\n"
	}
	write("go.mod", "module example.org/work\n\ngo 1.26\n")
	write("work/work.go", work("20"))
	write("work/work_test.go", `package work

import "testing"

var sink int

func BenchmarkSum(b *testing.B) {
	v := make([]int, 1000)
	for i := range v {
		v[i] = i
	}
	for b.Loop() {
		sink += Sum(v)
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
	return dir, func() { write("work/work.go", work("40")) }
}

// TestPlantedSlowdownIsFoundAndAAIsQuiet builds and runs real benchmarks of two commits: first the same code on
// both sides, then twice the work on one.
func TestPlantedSlowdownIsFoundAndAAIsQuiet(t *testing.T) {
	dir, slow := repository(t)
	run := &TreeComparison{
		Dir: dir, Base: "HEAD", Samples: 10, Config: Config{P: 0.01, Threshold: 30},
		Suites: []Suite{{Package: "./work", Bench: "^BenchmarkSum$", Times: "2000x"}},
	}
	compare := func() (regressed []Judgement) {
		t.Helper()
		verdicts, err := run.Compare(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if len(verdicts) != 2 || verdicts[0].N != 10 {
			t.Fatalf("got %+v, want time and allocations of one benchmark, ten samples a side", verdicts)
		}
		for _, v := range verdicts {
			t.Logf("%s %s: %.0f -> %.0f, %+.1f %%, p %.4f", v.Benchmark, v.Unit, v.Base, v.Head, v.DeltaPct, v.P)
			if v.Regressed {
				regressed = append(regressed, v)
			}
		}
		return regressed
	}
	if got := compare(); len(got) != 0 {
		t.Errorf("the same code on both sides regressed: %+v", got)
	}
	slow()
	if got := compare(); len(got) != 1 || got[0].Unit != "ns/op" {
		t.Errorf("twice the work: got %+v, want ns/op regressed", got)
	}
	worktrees := exec.CommandContext(t.Context(), "git", "worktree", "list")
	worktrees.Dir = dir
	if out, err := worktrees.Output(); err != nil || strings.Count(string(out), "\n") != 1 {
		t.Errorf("worktrees left behind: %s %v", out, err)
	}
}
