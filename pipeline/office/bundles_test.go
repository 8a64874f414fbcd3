package office

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gvc-brussels/anpr/pipeline/cases"
	"github.com/gvc-brussels/anpr/pipeline/evidence/bundle"
	"github.com/gvc-brussels/anpr/pipeline/evidence/signing"
	"github.com/gvc-brussels/anpr/schemas"
)

// bundleDesk is a desk that makes bundles, with one decided case.
type bundleDesk struct {
	*caseDesk
	desk  *EvidenceDesk
	store *album
	photo []byte
	id    string // of the case
}

func newBundleDesk(t testing.TB) *bundleDesk {
	t.Helper()
	keys, err := signing.Load(t.TempDir(), now)
	if err != nil {
		t.Fatal(err)
	}
	b := &bundleDesk{store: &album{kept: map[schemas.Sum][]byte{}}, photo: []byte("\xff\xd8\xff a picture")}
	b.desk = &EvidenceDesk{Keys: keys, Excerpt: func(f schemas.Family, d schemas.Day) ([]byte, string, error) {
		return fmt.Appendf(nil, "family: %s\nday: %s\n", f, d), "c1", nil
	}}
	b.caseDesk = newCaseDesk(t, func(c *Config) { c.Pictures, c.Evidence = b.store, b.desk })
	b.takeIn("1ABC123", "5339", withPictures(b.store.put(b.photo)))
	item := b.take("an", "decide")
	b.mustDecide("an", confirming(item))
	b.id = item.CaseID
	b.pass(time.Minute)
	return b
}

// mustMake makes the bundle of a case and fetches its file.
func (d *bundleDesk) mustMake(name string) (*BundleAnswer, []byte) {
	d.t.Helper()
	made, err := d.clerk(name).MakeBundle(d.t.Context(), d.justificationOf(name), d.id, "the police court")
	if err != nil {
		d.t.Fatalf("%s makes a bundle: %v\n%s", name, err, d.output)
	}
	file, err := d.clerk(name).BundleFile(d.t.Context(), d.justificationOf(name), made.Bundle.BundleID)
	if err != nil {
		d.t.Fatalf("%s fetches a bundle: %v", name, err)
	}
	return made, file
}

// partsOf reads a bundle by the standard library.
func partsOf(t testing.TB, file []byte) map[string]string {
	t.Helper()
	r, err := zip.NewReader(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for _, f := range r.File {
		in, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(in)
		if err != nil {
			t.Fatal(err)
		}
		out[f.Name] = string(data)
	}
	return out
}

// A bundle holds all of its case, verifies without the office, and each step of it is in the look-up log.
func TestABundleHoldsItsCaseAndVerifies(t *testing.T) {
	d := newBundleDesk(t)
	entries := d.logged("operation IN ('case-bundle', 'bundle-file') AND outcome = 'granted'")
	made, file := d.mustMake("an")
	keys, err := d.clerk("an").EvidenceKeys(t.Context())
	if err != nil || len(keys.Keys) != 1 {
		t.Fatalf("keys: %+v, %v", keys, err)
	}
	key, err := keys.Keys[0].Key()
	if err != nil {
		t.Fatal(err)
	}
	r := bundle.Verify(file, bundle.Trust{Keys: []ed25519.PublicKey{key}})
	if !r.Holds || !r.KnownKey || r.Manifest.CaseID != d.id || r.Manifest.CaseVersion != made.Bundle.Version {
		t.Fatalf("the bundle does not verify: %+v", r)
	}
	parts := partsOf(t, file)
	for path, want := range map[string]string{
		"sealed.bin": "1ABC123", "sealed.json": `"plate": "1ABC123"`, "events.jsonl": `\"verdict\":\"confirm\"`, "catalogue.yaml": "family: speed", "reference.json": "Wetstraat",
		"dossier.nl.html": `<html lang="nl">`, "dossier.fr.html": "Rue de la Loi", "trace.nl.html": "nl: ", "trace.fr.html": "fr: ", "verify.html": "anprVerify", "readme.html": "verify.html",
		"manifest.sig": "none: no authority is configured", "pictures/" + d.store.put(d.photo).String() + ".jpg": string(d.photo),
	} {
		if !strings.Contains(parts[path], want) {
			t.Errorf("%s: no %q in %.200q", path, want, parts[path])
		}
	}
	var absent []string
	for _, a := range made.Absent {
		absent = append(absent, a.Path)
	}
	if want := []string{"dossier.nl.pdf", "dossier.fr.pdf"}; !slices.Equal(absent, want) {
		t.Errorf("absent: %v, want %v", absent, want)
	}
	if n := d.logged("operation IN ('case-bundle', 'bundle-file') AND outcome = 'granted'") - entries; n != 2 {
		t.Errorf("%d entries of a bundle made and fetched, want 2", n)
	}
	list, err := d.clerk("su").Bundles(t.Context(), shift(), d.id)
	if err != nil || len(list.Rows) != 1 || list.Rows[0].User != "an" || list.Rows[0].For != "the police court" || list.Rows[0].SHA256 != made.Bundle.SHA256 {
		t.Errorf("list: %+v, %v", list, err)
	}
}

// The same version of a case has the same bytes but for the signature's instant, whatever registries, catalogue and key
// say meanwhile.
func TestTheSameVersionOfACaseHasTheSameBundle(t *testing.T) {
	d := newBundleDesk(t)
	prints := 0
	d.desk.Print = func(context.Context, []byte, []bundle.Part) ([]byte, error) {
		prints++
		return fmt.Appendf(nil, "%%PDF-%d /StructTreeRoot", prints), nil // as Chromium: other bytes each time
	}
	_, first := d.mustMake("an")
	d.desk.Excerpt = func(schemas.Family, schemas.Day) ([]byte, string, error) { return []byte("other: rules\n"), "c2", nil }
	if _, err := d.desk.Keys.Rotate(now.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	_, second := d.mustMake("su")
	a, b := partsOf(t, first), partsOf(t, second)
	for path := range a {
		if same := a[path] == b[path]; same == (path == "manifest.sig") {
			t.Errorf("%s: the same %t", path, same)
		}
	}
	if len(a) != len(b) || prints != 2 {
		t.Errorf("%d and %d parts, %d prints", len(a), len(b), prints)
	}
	for _, file := range [][]byte{first, second} {
		if r := bundle.Verify(file, bundle.Trust{}); !r.Holds {
			t.Errorf("%+v", r.Findings)
		}
	}
}

// Whoever may not see the dossier gets no bundle, and nobody gets the bundle of a case that is not decided.
func TestWhoMayHaveABundle(t *testing.T) {
	d := newBundleDesk(t)
	made, _ := d.mustMake("an")
	for who, want := range map[string]int{"zo": 404, "el": 404, "pr": 404, "ju": 403, "au": 403} {
		status, body := d.sendAs(who, rawRequest{"POST", "/v1/cases/" + d.id + "/bundles", `{"for":"the court"}`}, nil)
		if status != want || strings.Contains(body, "1ABC123") {
			t.Errorf("%s makes a bundle: got %d %s, want %d", who, status, body, want)
		}
	}
	for who, want := range map[string]int{"bo": 404, "su": 404, "zo": 404, "pr": 404, "ju": 403} { // it is the file of who made it
		if status, body := d.sendAs(who, rawRequest{"GET", "/v1/bundles/" + made.Bundle.BundleID + "/file", ""}, nil); status != want || strings.Contains(body, "PK") {
			t.Errorf("%s fetches the file of an: got %d, want %d", who, status, want)
		}
	}
	d.takeIn("1ABC124", "5339", withPictures(d.store.put([]byte("\xff\xd8\xff another"))))
	open := d.take("bo", "decide")
	if _, err := d.clerk("su").MakeBundle(t.Context(), shift(), open.CaseID, "the court"); err == nil {
		t.Error("a case to decide has a bundle")
	} else if status, code := codeOfError(t, err); status != 409 || code != codeUndecided {
		t.Errorf("a case to decide: got %d %s", status, code)
	}
	d.transmit(d.id, "PV-1", cases.ImmediateCollection)
	if status, _ := d.sendAs("pr", rawRequest{"POST", "/v1/cases/" + d.id + "/bundles", `{"for":"the court"}`}, nil); status != 404 {
		t.Errorf("a prosecutor has the bundle of another track: %d", status)
	}
}

// A print is the dossier of a bundle in the language of the file, for whom the case is, once it is decided. Each view is
// in the look-up log, and its pictures are asked for at this office.
func TestAPrintIsTheDossierOfADecidedCase(t *testing.T) {
	d := newBundleDesk(t)
	d.takeIn("1ABC124", "5339", withPictures(d.store.put([]byte("\xff\xd8\xff another"))))
	open := d.take("bo", "decide")
	printed := d.logged("operation = 'case-print' AND outcome = 'granted'")
	for _, c := range []struct {
		who, id, lang string
		status        int
		want          string
	}{
		{"an", d.id, "nl", 200, `<html lang="nl">`},
		{"an", d.id, "fr", 200, "Rue de la Loi"},
		{"su", d.id, "nl", 200, `<img src="/v1/cases/` + d.id + "/pictures/" + d.store.put(d.photo).String() + `"`},
		{"an", d.id, "en", 422, "invalid"},
		{"bo", open.CaseID, "nl", 409, codeUndecided},
		{"zo", d.id, "nl", 404, "not_found"},
		{"el", d.id, "nl", 404, "not_found"},
		{"pr", d.id, "nl", 404, "not_found"},
		{"ju", d.id, "nl", 403, "role"},
	} {
		status, body := d.sendAs(c.who, rawRequest{"GET", "/v1/cases/" + c.id + "/print?lang=" + c.lang, ""}, nil)
		if status != c.status || !strings.Contains(body, c.want) {
			t.Errorf("%s prints in %s: got %d %.200s, want %d and %q", c.who, c.lang, status, body, c.status, c.want)
		}
		if status == 200 != strings.Contains(body, "1ABC123") || strings.Contains(body, "1ABC124") {
			t.Errorf("%s prints in %s: wrong plates in %.200s", c.who, c.lang, body)
		}
	}
	if got := d.logged("operation = 'case-print' AND outcome = 'granted'"); got != printed+3+1+3 { // a case that is none for the user is found so after the grant
		t.Errorf("%d granted prints in the log, want %d", got-printed, 7)
	}
}

// Something that does not hold keeps the bundle from being made, and is named.
func TestWhatDoesNotHoldHasNoBundle(t *testing.T) {
	for name, c := range map[string]struct {
		damage func(d *bundleDesk)
		code   string
	}{
		"a picture changed": {func(d *bundleDesk) { d.store.set(d.store.put(d.photo), []byte("\xff\xd8\xff forged")) }, codePictureDamaged},
		"a picture lost":    {func(d *bundleDesk) { d.store.set(d.store.put(d.photo), nil) }, codePictureMissing},
		"sealed bytes":      {func(d *bundleDesk) { d.tamper("UPDATE cases SET sealed = 'x' WHERE case_id = $1", d.id) }, codeSealBroken},
		"an incident":       {func(d *bundleDesk) { d.act(d.id, cases.OpenIncident{Kind: cases.SealDiffers, Text: "came again"}) }, codeIncidentOpen},
		"a kept part": {func(d *bundleDesk) {
			d.mustMake("an")
			if _, err := d.logs.Exec(d.t.Context(), "UPDATE bundle_materials SET content = 'forged' WHERE name = 'reference.json'"); err != nil {
				d.t.Fatal(err)
			}
		}, codeSealBroken},
	} {
		t.Run(name, func(t *testing.T) {
			d := newBundleDesk(t)
			c.damage(d)
			_, err := d.clerk("an").MakeBundle(t.Context(), shift(), d.id, "the court")
			if status, code := codeOfError(t, err); status != 409 || code != c.code {
				t.Errorf("got %d %s (%v), want 409 %s", status, code, err, c.code)
			}
		})
	}
}

// What names another vehicle, or measures a reviewer, is no part of a bundle, and the chain holds all the same.
func TestABundleNamesNoOtherPlate(t *testing.T) {
	d := newBundleDesk(t)
	for _, text := range []string{"looks like 2-XYZ-999", "not 2 XYZ 999 at all", "the driver wrote a letter about 1-ABC-123"} {
		note := NoteQuery{CaseChange: CaseChange{CaseID: d.id, IfMatch: VersionTag(d.versionOf(d.id)), Key: aKey()}}
		note.Body.Text = text
		if _, err := d.clerk("su").NoteCase(t.Context(), shift(), note); err != nil {
			t.Fatal(err)
		}
	}
	_, file := d.mustMake("an")
	r := bundle.Verify(file, bundle.Trust{})
	if !r.Holds || r.Withheld != 2 {
		t.Errorf("got %+v", r)
	}
	for path, text := range partsOf(t, file) {
		if strings.Contains(text, "XYZ") && !strings.HasPrefix(path, bundle.PicturesDir) { // its figures may stand in a sum, its letters in no text
			t.Errorf("%s names another plate", path)
		}
	}
	if !strings.Contains(partsOf(t, file)["dossier.nl.html"], "a letter about 1-ABC-123") {
		t.Error("a note on the case's own plate is not in the dossier")
	}
}

func TestATextThatMayNameAnotherPlate(t *testing.T) {
	own := []string{"1ABC123"}
	for text, want := range map[string]bool{
		"": false, "the driver wrote": false, "1-ABC-123 is right": false, "1 ABC 123 is right": false, "see PV-1": false, "page 12": false, "in 2026": false, "at 12:30": false, "at 12:30 h": false,
		"2XYZ999": true, "it is 2-xyz-999": true, "2 XYZ 999, perhaps": true, "AB 123 CD": true, "(B-MW123)": true, "O-ABC-123": true,
	} {
		if got := namesOtherPlate(text, own); got != want {
			t.Errorf("%q: got %t, want %t", text, got, want)
		}
	}
}

// A Chromium or an authority that fails is said in the bundle and fails nothing.
func TestWhatIsMissingIsSaidAndFailsNothing(t *testing.T) {
	d := newBundleDesk(t)
	d.desk.Print = func(context.Context, []byte, []bundle.Part) ([]byte, error) { return nil, errors.New("crashed") }
	d.desk.Stamp = func(context.Context, []byte) ([]byte, error) { return nil, errors.New("no route") }
	made, file := d.mustMake("an")
	if !bundle.Verify(file, bundle.Trust{}).Holds || made.Stamp != "none: the authority did not answer" || !strings.Contains(made.Absent[len(made.Absent)-1].Why, "Chromium did not print it") {
		t.Errorf("got %+v, %s", made.Absent, made.Stamp)
	}
	d.desk.Print = func(context.Context, []byte, []bundle.Part) ([]byte, error) { return []byte("%PDF"), nil }
	d.desk.Stamp = func(context.Context, []byte) ([]byte, error) { return []byte("token"), nil }
	made, file = d.mustMake("an")
	if r := bundle.Verify(file, bundle.Trust{}); !r.Holds || made.Stamp != bundle.StampPresent || partsOf(t, file)["manifest.tst"] != "token" || partsOf(t, file)["dossier.fr.pdf"] != "%PDF" {
		t.Errorf("got %+v, %+v", r, made)
	}
}

// The file of a bundle goes after a day; its line in the list stays.
func TestTheFileOfABundleStaysADay(t *testing.T) {
	d := newBundleDesk(t)
	made, _ := d.mustMake("an")
	if _, err := d.logs.Exec(t.Context(), "UPDATE bundles SET expires_at = clock_timestamp() - interval '1 second'"); err != nil {
		t.Fatal(err)
	}
	_, err := d.clerk("an").BundleFile(t.Context(), shift(), made.Bundle.BundleID)
	if status, code := codeOfError(t, err); status != 410 || code != codeBundleGone {
		t.Errorf("after a day: got %d %s", status, code)
	}
	if _, err := d.office.people.DeleteExpired(t.Context()); err != nil {
		t.Fatal(err)
	}
	var files int
	if err := d.logs.QueryRow(t.Context(), "SELECT count(file) FROM bundles").Scan(&files); err != nil || files != 0 {
		t.Errorf("%d files stay, %v", files, err)
	}
	if list, err := d.clerk("an").Bundles(t.Context(), shift(), d.id); err != nil || len(list.Rows) != 1 {
		t.Errorf("list: %+v, %v", list, err)
	}
}

// versionOf returns the present version of a case.
func (d *caseDesk) versionOf(id string) int64 {
	d.t.Helper()
	caseID, err := cases.ParseID(id)
	if err != nil {
		d.t.Fatal(err)
	}
	got, err := d.cases.Get(d.t.Context(), caseID)
	if err != nil {
		d.t.Fatal(err)
	}
	return got.Case.Version
}
