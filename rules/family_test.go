package rules

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"math/bits"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/gvc-brussels/anpr/schemas"
)

// Every family has a complete Info, and no two families share a value.
func TestEveryFamilySaysWhatItIs(t *testing.T) {
	var purposes schemas.CameraPurpose
	names, rules := map[schemas.Family]bool{}, map[schemas.RuleID]bool{}
	for _, f := range newFamilies() {
		i := f.Info()
		if i != f.Info() || InfoOf(i.Family) != i {
			t.Errorf("%s: Info is not constant, or not what InfoOf finds", i.Family)
		}
		if i.Family == "" || names[i.Family] || strings.ToLower(string(i.Family)) != string(i.Family) {
			t.Errorf("family %q: write a name in lower case that no other family has", i.Family)
		}
		names[i.Family] = true
		if bits.OnesCount64(uint64(i.Purpose)) != 1 || purposes.Has(i.Purpose) {
			t.Errorf("%s: purpose %b is not one bit of its own; the others have %b", i.Family, i.Purpose, purposes)
		}
		purposes |= i.Purpose
		if p, ok := PurposeOf(string(i.Family)); !ok || p != i.Purpose {
			t.Errorf("PurposeOf(%s) = %b %t", i.Family, p, ok)
		}
		c := f.Compile(nil)
		if i.Decides() != (c.Passage != nil) || i.Decides() == (c.FirstRead != nil || c.Closed != nil) || !c.Never {
			t.Errorf("%s: rule %q, and at no camera %+v", i.Family, i.Rule, c)
		}
		if i.Decides() && (rules[i.Rule] || len(i.Clauses) == 0 || !slices.Contains(i.Reasons, reasonNotApplicable)) {
			t.Errorf("%s: needs a rule of its own, clauses, and the reason not_applicable", i.Family)
		}
		rules[i.Rule] = true
		if all := slices.Sorted(slices.Values(i.Reasons)); len(slices.Compact(all)) != len(i.Reasons) {
			t.Errorf("%s: a reason is there twice: %v", i.Family, i.Reasons)
		}
		keys := map[string]bool{}
		for _, x := range i.Clauses {
			if keys[x.Key] {
				t.Errorf("%s: clause %s is there twice", i.Family, x.Key)
			}
			keys[x.Key] = true
		}
		for n, m := range i.Measures {
			known := func(x schemas.MeasureMeaning) bool { return x.Name == m }
			if slices.Contains(i.Measures[:n], m) || !slices.ContainsFunc(schemas.Measures(), known) {
				t.Errorf("%s: measure %s is there twice, or schemas does not have it", i.Family, m)
			}
		}
		if len(i.Measures) > measuresSize {
			t.Errorf("%s: %d measures, the builder has memory for %d", i.Family, len(i.Measures), measuresSize)
		}
		if i.History < 0 {
			t.Errorf("%s: history %d", i.Family, i.History)
		}
	}
	if _, ok := PurposeOf("light"); ok || InfoOf("light") != nil {
		t.Error("a family that is not there was found")
	}
	if len(names) > 32 {
		t.Errorf("%d families do not fit into a FamilySet", len(names))
	}
}

// Three engines decide alike, to the byte: made for a registry's cameras, made without cameras, and made for another
// version's cameras at the same sites.
func TestTheCompiledCamerasChangeNoDecision(t *testing.T) {
	cat := mustLoad(t, Brussels())
	w, plates := city()
	rapid.Check(t, func(t *rapid.T) {
		s := drawSubject(t, plates)
		other := drawSubject(t, plates)
		s.Camera.Number, other.Camera.Number = 1, 1
		if s.MeasuredBy != nil && rapid.Bool().Draw(t, "two cameras") {
			by := *drawSubject(t, plates).Camera
			by.Number = uint32(rapid.IntRange(0, 3).Draw(t, "index"))
			s.MeasuredBy = &by
		}
		if rapid.Bool().Draw(t, "gone") {
			s.MeasuredBy = nil
		}
		s.Straggler = rapid.Bool().Draw(t, "straggler")
		want, wantClean := New(cat).Decide(nil, s, w)
		for name, cameras := range map[string][]*schemas.Camera{"its own": {s.Camera}, "another version's": {other.Camera}} {
			if s.MeasuredBy != nil && s.MeasuredBy != s.Camera && s.MeasuredBy.Number != 1 {
				cameras = append(cameras, s.MeasuredBy)
			}
			got, clean := NewEngine(cat, cameras).Decide(nil, s, w)
			if !reflect.DeepEqual(got, want) || clean != wantClean {
				t.Fatalf("cameras of %s:\ngot  %+v %b\nwant %+v %b", name, got, clean, want, wantClean)
			}
		}
	})
}

// A family without the force of a sanction never makes a candidate, even with a finding.
func TestADecisionGoesNoFurtherThanTheForceOfItsFamily(t *testing.T) {
	_, s := cleanSubject()
	e := New(mustLoad(t, Brussels()))
	for _, c := range []struct {
		force  Force
		hold   string
		want   schemas.Outcome
		reason string
		named  bool
	}{
		{ForceSanction, "", schemas.OutcomeOffence, "found", true},
		{ForceSanction, reasonClock, schemas.OutcomeHeld, reasonClock, true},
		{ForceAssistedReview, "", schemas.OutcomeHeld, "found", true},
		{ForceAssistedReview, reasonClock, schemas.OutcomeHeld, reasonClock, true},
		{ForceStatistics, "", schemas.OutcomeWithheld, "found", false},
		{ForceStatistics, reasonClock, schemas.OutcomeWithheld, "found", false},
		{ForceCheck, "", schemas.OutcomeWithheld, "found", false},
		{ForceCheck, reasonClock, schemas.OutcomeWithheld, "found", false},
	} {
		b := e.newDecision(&builderMemory{}, &Info{Family: "test", Rule: "test", Force: c.force}, s, newWorld())
		if c.hold != "" {
			b.addHold(c.hold, 0)
		}
		b.d.AmountCents = 5300
		b.setCandidateOutcome("found", b.identifyOffence([]byte{1}, "S", 0))
		if d := &b.d; d.Outcome != c.want || d.Reason != c.reason || d.Offence.IsZero() == c.named || !c.named && d.AmountCents != 0 {
			t.Errorf("force %d, hold %q: %s %s, offence %s, %d cents", c.force, c.hold, d.Outcome, d.Reason, d.Offence, d.AmountCents)
		}
	}
}

func TestASetOfFamiliesListsItsPlacesInOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := FamilySet(rapid.Uint32().Draw(t, "set"))
		var back FamilySet
		last := -1
		for i := range s.All {
			if i <= last || !s.Has(i) {
				t.Fatalf("%b: place %d after %d", s, i, last)
			}
			back, last = back|1<<i, i
		}
		if back != s {
			t.Fatalf("%b came back as %b", s, back)
		}
	})
}

// isHomeOf reports whether a family's name may appear in a file: a file of the family in rules, or the family's
// oracle.
func isHomeOf(family, path string) bool {
	dir, file := filepath.Split(path)
	switch dir {
	case "rules/": // in a scenario, speed=87 is a measurement, for any family
		return strings.HasPrefix(file, family) || family == "speed" && file == "scenario_world.go"
	case "pipeline/office/access/": // a case regime, police or administrative, shares a name with a family by chance
		return file == "users.go" && family == "lez"
	case "pipeline/cases/":
		return file == "state.go" && family == "lez"
	case "bench/":
		return file == "oracle_"+family+".go"
	default: // fields in a camera maker's format mean no family; generated code is the wire
		return dir == "pipeline/gateway/" || strings.HasPrefix(dir, "schemas/proto/")
	}
}

// A new family needs files and one row in families.go: nothing else in the program spells the name.
func TestAFamilyIsNamedOnlyWhereItLives(t *testing.T) {
	families := FamilyNames(nil)
	root, files := "..", 0
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && strings.HasPrefix(d.Name(), ".") && path != root {
			return fs.SkipDir
		}
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, path)
		if err != nil || d.IsDir() || !strings.HasSuffix(rel, ".go") || strings.HasSuffix(rel, "_test.go") {
			return err
		}
		files++
		tree, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		ast.Inspect(tree, func(n ast.Node) bool {
			x, ok := n.(*ast.BasicLit)
			if !ok || x.Kind != token.STRING {
				return true
			}
			text, err := strconv.Unquote(x.Value)
			if err == nil && slices.Contains(families, text) && !isHomeOf(text, filepath.ToSlash(rel)) {
				t.Errorf("%s spells the family %q: ask rules.Families()", rel, text)
			}
			return true
		})
		return nil
	})
	if err != nil || files < 200 {
		t.Fatalf("%d files: %v", files, err)
	}
}

// A decision has measures from the family's declaration, in the declared order, each once: the seal covers them in
// order.
func TestADecisionHasTheMeasuresOfItsFamilyInOrder(t *testing.T) {
	e := New(mustLoad(t, Brussels()))
	w, plates := city()
	met := map[schemas.MeasureName]bool{}
	missing := func() (out []schemas.MeasureName) {
		for _, info := range Families() {
			for _, m := range info.Measures {
				if !met[m] {
					out = append(out, m)
				}
			}
		}
		return out
	}
	for range 50 { // one round of draws seldom meets every measure
		rapid.Check(t, func(t *rapid.T) {
			for _, d := range e.Explain(drawSubject(t, plates), w) {
				declared := InfoOf(d.Family).Measures
				for _, m := range d.Measures {
					i := slices.Index(declared, m.Name)
					if i < 0 {
						t.Fatalf("%s: measures %+v, declared %v", d.Rule, d.Measures, InfoOf(d.Family).Measures)
					}
					declared, met[m.Name] = declared[i+1:], true
				}
			}
		})
		if len(missing()) == 0 {
			return
		}
	}
	t.Errorf("no decision had %v", missing())
}
