package casework

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/gvc-brussels/anpr/cmd/ask"
	"github.com/gvc-brussels/anpr/pipeline/cases"
	"github.com/gvc-brussels/anpr/rules"
	"github.com/gvc-brussels/anpr/schemas"
)

// textsOf makes plain texts of the codes of a closed list.
func textsOf[T ~string](list []T) (out []string) {
	for _, code := range list {
		out = append(out, string(code))
	}
	return out
}

// Staff read each code of a closed list in words of their language.
func TestEachCodeHasATextInEachLanguage(t *testing.T) {
	codes := slices.Concat(
		textsOf(cases.States()), textsOf(cases.EventKinds()), textsOf(cases.RejectReasons()), textsOf(cases.WithdrawReasons()), cases.HandHoldReasons(), rules.HoldReasons(),
		textsOf(cases.IncidentKinds()), textsOf(cases.Tracks()), textsOf(cases.FileOutcomes()), textsOf(cases.Queues()), []string{string(cases.Confirm), string(cases.Reject), string(cases.CorrectPlate)},
		[]string{cases.BlockNoPicture, cases.BlockUnverified, cases.BlockUndecided, cases.BlockFileMissing, cases.BlockFileChanged, "foreign", "low_confidence", "value_not_verified"}, // marks: roles.marksOf
		[]string{"overdue", "today", "three_days", "later", "suspect", "sealed", "row", "chain", "kmh", "percent"},
	)
	for _, field := range rules.ExportFields() {
		codes = append(codes, exportBlock+field)
	}
	groups := map[string][]string{"kind": textsOf(schemas.PictureKinds()), "category": {"unknown"}, "euro": {"unknown"}}
	for _, info := range rules.Families() {
		groups["family"] = append(groups["family"], string(info.Family))
	}
	for fuel := range schemas.Hydrogen + 1 {
		groups["fuel"] = append(groups["fuel"], fuel.String())
	}
	for kind := schemas.KindUnknown + 1; kind.Valid(); kind++ {
		groups["vehicle"] = append(groups["vehicle"], kind.String())
	}
	for _, lang := range languages {
		d := &desk{lang: lang}
		for _, code := range codes {
			text := d.word(code)
			if words[code].in(lang) == "" && text == code || strings.ContainsRune(text, '_') {
				t.Errorf("%s has no text for %s", lang, code)
			}
		}
		for group, list := range groups {
			for _, code := range list {
				if words[group+"."+code].in(lang) == "" {
					t.Errorf("%s has no text for %s of %s", lang, code, group)
				}
			}
		}
		for key, text := range words {
			if text.in(lang) == "" {
				t.Errorf("%s has no text for %s", lang, key)
			}
		}
		if !slices.Equal(slices.Sorted(maps.Keys(labels[lang])), slices.Sorted(maps.Keys(labels["en"]))) {
			t.Errorf("the labels in %s are not those in English", lang)
		}
	}
}

// Each refusal of the office has a text too. The codes are read from its source, where they stand unexported.
func TestEachProblemHasATextInEachLanguage(t *testing.T) {
	codes := textsOf(cases.Codes())
	for _, dir := range []string{"../../pipeline/office", "../../pipeline/office/access"} {
		codes = append(codes, problemCodes(t, dir)...)
	}
	if len(codes) < 50 || !slices.Contains(codes, "picture_missing") || !slices.Contains(codes, "quota") || !slices.Contains(codes, "sign_in_expired") {
		t.Fatalf("the codes of the office were not found: %d", len(codes))
	}
	ofSignIn := []string{"not_signed_in", "sign_in_expired"} // cmd/ask has their text
	for _, lang := range languages {
		for _, code := range codes {
			if problems[code].in(lang) == "" && !slices.Contains(ofSignIn, code) {
				t.Errorf("%s has no text for the problem %s", lang, code)
			}
		}
		if ask.NotAccepted[lang] == "" {
			t.Errorf("%s has no text for a refused sign-in", lang)
		}
	}
	for code := range problems {
		if !slices.Contains(codes, code) {
			t.Errorf("nobody answers with the problem %s", code)
		}
	}
}

// problemCodes lists the codes of problems in a package: constants named code or Code, and codes written out where a
// problem is made.
func problemCodes(t *testing.T, dir string) (out []string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	add := func(e ast.Expr) {
		if l, ok := e.(*ast.BasicLit); ok && l.Kind == token.STRING {
			if code, err := strconv.Unquote(l.Value); err == nil && code != "" {
				out = append(out, code)
			}
		}
	}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.ValueSpec:
				if strings.HasPrefix(strings.ToLower(n.Names[0].Name), "code") && len(n.Values) == 1 {
					add(n.Values[0])
				}
			case *ast.CallExpr:
				if f, ok := n.Fun.(*ast.Ident); ok && f.Name == "newProblem" && len(n.Args) > 1 {
					add(n.Args[1])
				}
			}
			return true
		})
	}
	return out
}

// The words are those of the trade. A held case is no person under arrest.
func TestTheWordsAreThoseOfTheTrade(t *testing.T) {
	for code, want := range map[string]said{
		"held": {"in beraad", "en suspens", "held"}, "confirmed": {"bevestigd", "validé", "confirmed"}, "transmit": {"overmaken", "transmettre", "transmit"},
		"annulled": {"vernietigd", "annulé", "annulled"}, "second": {"tweede controle", "double contrôle", "second look"}, "withdrawn": {"ingetrokken", "retiré", "withdrawn"},
	} {
		if words[code] != want {
			t.Errorf("%s: got %v, want %v", code, words[code], want)
		}
	}
	banned := map[string][]string{"nl": {"aangehouden", "aanhouding", "kenteken", "nietig verkla", "verzonden", "verzenden"}, "fr": {"retenu", "rétention", "confirmé", "confirmation", "deuxième contrôle"}}
	for lang, list := range banned {
		var texts []string
		for _, group := range []map[string]said{words, problems, bulkWords, affectedWords, wireWords} {
			for _, text := range group {
				texts = append(texts, text.in(lang))
			}
		}
		for text := range maps.Values(labels[lang]) {
			texts = append(texts, text)
		}
		for _, text := range texts {
			for _, word := range list {
				if strings.Contains(strings.ToLower(text), word) {
					t.Errorf("%s: %q has the word %s", lang, text, word)
				}
			}
		}
	}
	d := &desk{lang: "nl"}
	if d.wordOf("kind", "second") == d.word("second") || d.word("export_device_serial") != "ontbreekt voor de ontvanger: serienummer van het toestel" || d.word("vehicle_unknown") == "vehicle_unknown" {
		t.Errorf("got %q, %q and %q", d.wordOf("kind", "second"), d.word("export_device_serial"), d.word("vehicle_unknown"))
	}
}
