package regress

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Suite is a set of benchmarks in a package.
type Suite struct {
	Package string // below the module, ./pipeline/ingest/decode
	Bench   string // regular expression
	Times   string // -benchtime
}

// TreeComparison is a comparison of the working tree with a base commit.
type TreeComparison struct {
	Dir     string // the working tree, with uncommitted changes
	Base    string // a git revision
	Samples int    // a side
	Config  Config
	Suites  []Suite
	Log     io.Writer
}

// side is either tree.
type side struct {
	dir  string
	bins []string // a test binary per suite, "" when the package is not there
	out  []BenchLine
}

// Compare builds both sides, interleaves their samples and judges time and allocations. A benchmark that looks
// regressed is sampled as often again, and counts only when both passes agree: a busy neighbour during a single pass is
// no regression.
func (r *TreeComparison) Compare(ctx context.Context) (_ []Judgement, err error) {
	tmp, err := os.MkdirTemp("", "anpr-regress-")
	if err != nil {
		return nil, fmt.Errorf("make a directory: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(tmp)) }()
	tree := filepath.Join(tmp, "base")
	if err := r.runCommand(ctx, r.Dir, "git", "worktree", "add", "--detach", "--quiet", tree, r.Base); err != nil {
		return nil, err
	}
	defer func() {
		err = errors.Join(err, r.runCommand(context.WithoutCancel(ctx), r.Dir, "git", "worktree", "remove", "--force", tree))
	}()
	base, head := &side{dir: tree}, &side{dir: r.Dir}
	for i, s := range []*side{base, head} {
		if err := r.buildSide(ctx, s, filepath.Join(tmp, fmt.Sprint("bin", i))); err != nil {
			return nil, err
		}
	}
	return r.sampleBoth(ctx, base, head)
}

func (r *TreeComparison) sampleBoth(ctx context.Context, base, head *side) ([]Judgement, error) {
	all := func(int) bool { return true }
	if err := r.interleaveSamples(ctx, base, head, all); err != nil {
		return nil, err
	}
	verdicts := r.judgeSamples(base.out, head.out)
	again := func(i int) bool {
		for _, v := range verdicts {
			if v.Regressed && strings.HasPrefix(v.Benchmark, r.Suites[i].Package+" ") {
				return true
			}
		}
		return false
	}
	second := [2]*side{{dir: base.dir, bins: base.bins}, {dir: head.dir, bins: head.bins}}
	if err := r.interleaveSamples(ctx, second[0], second[1], again); err != nil {
		return nil, err
	}
	confirmed := map[string]bool{}
	for _, v := range r.judgeSamples(second[0].out, second[1].out) {
		confirmed[v.Benchmark+" "+v.Unit] = v.Regressed
	}
	for i := range verdicts {
		verdicts[i].Regressed = verdicts[i].Regressed && confirmed[verdicts[i].Benchmark+" "+verdicts[i].Unit]
	}
	return verdicts, nil
}

func (r *TreeComparison) judgeSamples(base, head []BenchLine) []Judgement {
	var out []Judgement
	for _, s := range Gather(base, head, "ns/op", "allocs/op") {
		out = append(out, r.Config.Judge(s))
	}
	return out
}

// buildSide makes the test binaries of a side. A package that the base lacks is new and compared with nothing.
func (r *TreeComparison) buildSide(ctx context.Context, s *side, to string) error {
	if err := os.MkdirAll(to, 0o750); err != nil {
		return fmt.Errorf("make a directory: %w", err)
	}
	for i, suite := range r.Suites {
		if _, err := os.Stat(filepath.Join(s.dir, suite.Package)); errors.Is(err, os.ErrNotExist) && s.dir != r.Dir {
			s.bins = append(s.bins, "")
			continue
		}
		bin := filepath.Join(to, fmt.Sprintf("%d.test", i))
		if err := r.runCommand(ctx, s.dir, "go", "test", "-trimpath", "-c", "-o", bin, suite.Package); err != nil {
			return err
		}
		s.bins = append(s.bins, bin)
	}
	return nil
}

// interleaveSamples takes a sample of each side in turn, the order changing each time.
func (r *TreeComparison) interleaveSamples(ctx context.Context, base, head *side, wanted func(suite int) bool) error {
	for n := range r.Samples {
		order := [2]*side{base, head}
		if n%2 == 1 {
			order = [2]*side{head, base}
		}
		for i := range r.Suites {
			if !wanted(i) {
				continue
			}
			for _, s := range order {
				if err := r.runSuite(ctx, s, i); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func (r *TreeComparison) runSuite(ctx context.Context, s *side, i int) error {
	if s.bins[i] == "" {
		return nil
	}
	suite := r.Suites[i]
	cmd := exec.CommandContext(ctx, s.bins[i], "-test.run=^$", "-test.bench="+suite.Bench, "-test.benchtime="+suite.Times, "-test.benchmem", "-test.cpu=1") //nolint:gosec // what build has built
	cmd.Dir = filepath.Join(s.dir, suite.Package)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("benchmarks of %s: %w\n%s%s", suite.Package, err, out.String(), errs.String())
	}
	results, err := Parse(&out)
	if err != nil {
		return err
	}
	if len(results) == 0 && s.dir == r.Dir {
		return fmt.Errorf("package %s has no benchmark %s", suite.Package, suite.Bench)
	}
	for _, res := range results {
		res.Name = suite.Package + " " + res.Name
		s.out = append(s.out, res)
	}
	return nil
}

func (r *TreeComparison) runCommand(ctx context.Context, dir, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...) //nolint:gosec // go and git
	cmd.Dir = dir
	cmd.Env = append(cmd.Environ(), "CGO_ENABLED=0")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s %s: %w\n%s", name, strings.Join(args, " "), err, strings.TrimSpace(out.String()))
	}
	if r.Log != nil && name == "go" {
		_, _ = fmt.Fprintf(r.Log, "built %s in %s\n", args[len(args)-1], dir)
	}
	return nil
}
