package bundle

import (
	"archive/zip"
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"flag"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gvc-brussels/anpr/pipeline/evidence"
	"github.com/gvc-brussels/anpr/schemas"
)

var update = flag.Bool("update", false, "write testdata anew")

// goldenDir has a bundle, a batch and a notice, which the page's tests read too.
const goldenDir = "testdata"

// testKey signs with a key whose seed is 32 times the same byte.
type testKey byte

func (k testKey) private() ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{byte(k)}, ed25519.SeedSize))
}
func (k testKey) Public() ed25519.PublicKey  { return k.private().Public().(ed25519.PublicKey) } //nolint:forcetypeassert // of this package's own key
func (k testKey) Sign(message []byte) []byte { return ed25519.Sign(k.private(), message) }

var signedAt = time.Date(2026, 11, 29, 8, 0, 0, 123456000, time.UTC)

// sealedDecision is a small offence as the pipeline seals it.
func sealedDecision() *schemas.Decision {
	d := &schemas.Decision{
		Rule: "fed.speed.spot", RuleVersion: "2017-05-01", Family: "speed", Outcome: schemas.OutcomeOffence, Reason: "over_limit",
		On: schemas.Sighting{Camera: "BXL-0417", CapturedAt: 1795269600123456, Plate: schemas.MustPlate("1ABC123"), Country: schemas.Belgium, Confidence: 925},
	}
	evidence.Seal(d, schemas.Sum{})
	return d
}

// chain makes a chain of records from bodies; an empty body is withheld.
func chain(bodies ...string) (out []Event, head schemas.Digest) {
	for i, b := range bodies {
		e := Event{N: int64(i + 1), Kind: "noted", Prev: head, Body: b}
		if b == "" {
			e.Withheld, e.Sum = "it names another plate", sumOf(head, "secret")
		} else {
			e.Sum = sumOf(head, b)
		}
		head = e.Sum
		out = append(out, e)
	}
	return out, head
}

// smallParts are the parts of a small bundle, with the manifest that describes their case.
func smallParts(t testing.TB) (Manifest, []Part) {
	t.Helper()
	d := sealedDecision()
	events, head := chain(`{"n":1,"kind":"taken_in"}`, "", `{"n":3,"kind":"decided"}`)
	lines, err := WriteEvents(events)
	if err != nil {
		t.Fatal(err)
	}
	picture := []byte("\xff\xd8\xff a very small picture")
	m := Manifest{
		CaseID: "0b0e7a52f4f0486d8f1f1d2b7a3f9c21", CaseVersion: 3, OffenceID: d.Offence.String(), State: "confirmed", Seal: schemas.DigestOf(d.Seal), Head: head,
		Absent: []Absence{{Path: "dossier.nl.pdf", Why: "no_chromium"}},
	}
	return m, []Part{
		{SealedPath, d.Sealed},
		{EventsPath, lines},
		{"dossier.nl.html", []byte("<!doctype html><p>dossier")},
		{fmt.Sprintf("%s%x.jpg", PicturesDir, sha256.Sum256(picture)), picture},
	}
}

// makeBundle makes a small bundle. change may alter manifest and parts before they are signed.
func makeBundle(t testing.TB, token []byte, change func(m *Manifest, parts []Part) []Part) []byte {
	t.Helper()
	m, parts := smallParts(t)
	if change != nil {
		parts = change(&m, parts)
	}
	s, err := Sign(m, parts, testKey(1), signedAt)
	if err != nil {
		t.Fatal(err)
	}
	s.SetStamp(token, "no authority is configured")
	b, err := s.Write(parts, token)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func small(t testing.TB) []byte { return makeBundle(t, nil, nil) }

// region is a range of bytes of a bundle, and the part that a fault in it must name.
type region struct {
	from, to int
	part     string
	codes    string // that may be given, "|" between them
}

// regionsOf lays a bundle out by the standard library's reader, which shares no code with the package.
func regionsOf(t *testing.T, b []byte) (out []region) {
	t.Helper()
	r, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	at := 0
	for _, f := range r.File {
		data, err := f.DataOffset()
		if err != nil {
			t.Fatal(err)
		}
		end := int(data) + int(f.CompressedSize64)
		inside := "content"
		if f.Name == SignaturePath {
			inside = "content|form|signature"
		}
		out = append(out, region{at, int(data), f.Name, "header"}, region{int(data), end, f.Name, inside})
		at = end
	}
	for _, f := range r.File {
		out = append(out, region{at, at + 46 + len(f.Name), f.Name, "directory"})
		at += 46 + len(f.Name)
	}
	return append(out, region{at, len(b), containerPart, "directory|trailing"})
}

// One bit is flipped, everywhere, and the part where it lies is named, and no other.
func TestEveryFlippedBitIsFoundAndNamed(t *testing.T) {
	for name, token := range map[string][]byte{"without a time stamp": nil, "with one": []byte("a token")} {
		b := makeBundle(t, token, nil)
		if r := Verify(b, Trust{}); !r.Holds || r.Events != 3 || r.Withheld != 1 {
			t.Fatalf("%s: %+v", name, r)
		}
		covered := 0
		for _, g := range regionsOf(t, b) {
			if g.from != covered {
				t.Fatalf("%s: no region covers byte %d", name, covered)
			}
			covered = g.to
			for at := g.from; at < g.to; at++ {
				for bit := range 8 {
					if token != nil && bit != at%8 {
						continue
					}
					b[at] ^= 1 << bit
					checkNamed(t, Verify(b, Trust{}), &g, fmt.Sprintf("%s: bit %d of byte %d", name, bit, at))
					b[at] ^= 1 << bit
				}
			}
		}
		if covered != len(b) {
			t.Errorf("%s: %d of %d bytes were tried", name, covered, len(b))
		}
	}
}

// checkNamed reports a verification that holds, or names another part than the region's.
func checkNamed(t *testing.T, r *Report, g *region, what string) {
	t.Helper()
	if r.Holds || len(r.Findings) == 0 {
		t.Fatalf("%s, in %s: it holds", what, g.part)
	}
	for _, f := range r.Findings {
		if f.Part != g.part || !strings.Contains("|"+g.codes+"|", "|"+string(f.Code)+"|") {
			t.Fatalf("%s, in %s (%s): got %+v", what, g.part, g.codes, f)
		}
	}
}

func TestEveryByteTakenAwayOrAddedIsFound(t *testing.T) {
	b := small(t)
	for at := range b {
		if r := Verify(append(append([]byte{}, b[:at]...), b[at+1:]...), Trust{}); r.Holds {
			t.Errorf("without byte %d it holds", at)
		}
		if r := Verify(b[:at], Trust{}); r.Holds {
			t.Errorf("cut off at byte %d it holds", at)
		}
		for _, c := range []byte{0, 'P', b[at]} {
			if r := Verify(append(append(append([]byte{}, b[:at]...), c), b[at:]...), Trust{}); r.Holds {
				t.Errorf("with one more byte at %d it holds", at)
			}
		}
	}
}

func TestWhatABundleMayNotHave(t *testing.T) {
	whole := small(t)
	m, parts := smallParts(t)
	s, err := Sign(m, parts, testKey(1), signedAt)
	if err != nil {
		t.Fatal(err)
	}
	sig, err := encode(s.Signature)
	if err != nil {
		t.Fatal(err)
	}
	// rawZip writes whatever it is given, in the one form of the container.
	signed := append(append([]Part{}, parts...), Part{ManifestPath, s.manifest}, Part{SignaturePath, sig})
	sorted := func(more ...Part) []byte { return writeZip(sortParts(slices.Concat(signed, more))) }
	at := func(path string) int { return slices.IndexFunc(signed, func(p Part) bool { return p.Path == path }) }
	without := func(path string) []byte {
		return writeZip(sortParts(slices.Concat(signed[:at(path)], signed[at(path)+1:])))
	}
	for name, c := range map[string]struct {
		file []byte
		part string
		code Code
	}{
		"nothing":                      {nil, containerPart, CodeNoBundle},
		"another file":                 {[]byte("%PDF-1.7 and so on, and so on, and so on"), containerPart, CodeNoBundle},
		"bytes before":                 {append([]byte("#!/bin/sh\n"), whole...), containerPart, CodePrepended},
		"bytes after":                  {append(bytes.Clone(whole), "PK"...), containerPart, CodeTrailing},
		"a second bundle after":        {append(bytes.Clone(whole), whole...), containerPart, CodeTrailing},
		"a part that nobody signed":    {sorted(Part{"more.txt", []byte("x")}), "more.txt", CodeUnlisted},
		"a part twice":                 {sorted(Part{EventsPath, []byte("x")}), EventsPath, CodePath},
		"the same part twice":          {sorted(parts[1]), EventsPath, CodePath},
		"a path upwards":               {sorted(Part{"../more.txt", []byte("x")}), "../more.txt", CodePath},
		"a path from the root":         {sorted(Part{"/etc/passwd", []byte("x")}), "/etc/passwd", CodePath},
		"a path of Windows":            {sorted(Part{`c:\x`, []byte("x")}), `c:\x`, CodePath},
		"a path with a letter in case": {sorted(Part{"Manifest.json", []byte("x")}), "Manifest.json", CodePath},
		"a directory":                  {sorted(Part{"pictures/", nil}), "pictures/", CodePath},
		"no name":                      {sorted(Part{"", nil}), "", CodePath},
		"parts out of order":           {writeZip([]Part{signed[at(SignaturePath)], signed[at(ManifestPath)]}), ManifestPath, CodePath},
		"no signature":                 {without(SignaturePath), SignaturePath, CodeMissing},
		"no manifest":                  {without(ManifestPath), ManifestPath, CodeMissing},
		"a part less":                  {without(SealedPath), SealedPath, CodeMissing},
		"a stamp that nobody named":    {sorted(Part{StampPath, []byte("x")}), StampPath, CodeUnlisted},
	} {
		r := Verify(c.file, Trust{})
		if r.Holds || !hasFinding(r, c.part, c.code) {
			t.Errorf("%s: %+v, want %s of %q", name, r.Findings, c.code, c.part)
		}
	}
}

func hasFinding(r *Report, part string, code Code) bool {
	for _, f := range r.Findings {
		if f.Part == part && f.Code == code {
			return true
		}
	}
	return false
}

// A compressed part is no part: nothing is ever unpacked, so nothing can grow.
func TestACompressedBundleIsRefusedAndNotUnpacked(t *testing.T) {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, name := range []string{ManifestPath, SignaturePath, SealedPath} {
		f, err := w.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.CopyN(f, zeros{}, 64<<20); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	bomb := b.Bytes()
	if allocated := testing.AllocsPerRun(1, func() { Verify(bomb, Trust{}) }); allocated > 100 {
		t.Errorf("%v allocations for a bomb of %d bytes", allocated, len(bomb))
	}
	if r := Verify(bomb, Trust{}); r.Holds || r.Manifest != nil {
		t.Errorf("a bomb holds: %+v", r)
	}
	// A header that promises more than there is.
	lying := small(t)
	for _, at := range []int{18, 22} {
		binary.LittleEndian.PutUint32(lying[at:], 1<<31)
	}
	if r := Verify(lying, Trust{}); r.Holds {
		t.Error("a part that is said to be of 2 GiB holds")
	}
	if r := Verify(make([]byte, MaxSize+1), Trust{}); r.Holds || !hasFinding(r, containerPart, CodeTooLarge) {
		t.Errorf("a file beyond the bound: %+v", r.Findings)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// Whoever changes a part and makes every check sum and the manifest anew has no signature.
func TestAForgedBundleHasNoSignature(t *testing.T) {
	m, parts := smallParts(t)
	s, err := Sign(m, parts, testKey(1), signedAt)
	if err != nil {
		t.Fatal(err)
	}
	parts[2].Data = []byte("<p>forged")
	other, err := Sign(m, parts, testKey(2), signedAt)
	if err != nil {
		t.Fatal(err)
	}
	late := *s
	late.Signature.SignedAt = late.Signature.SignedAt.Add(time.Microsecond)
	forged := *s
	forged.manifest = other.manifest
	keyed := *other
	keyed.Signature.KeyID = s.Signature.KeyID
	for name, c := range map[string]*Sealed{"manifest made anew": &forged, "another instant": &late, "another key under this id": &keyed} {
		if b, err := c.Write(parts, nil); err != nil || Verify(b, Trust{}).Holds || !hasFinding(Verify(b, Trust{}), SignaturePath, CodeSignature) {
			t.Errorf("%s: holds, or %v", name, err)
		}
	}
	b, err := other.Write(parts, nil)
	if err != nil {
		t.Fatal(err)
	}
	known := Trust{Keys: []ed25519.PublicKey{testKey(1).Public()}}
	if r := Verify(b, known); r.Holds || !hasFinding(r, SignaturePath, CodeKey) {
		t.Errorf("another key: %+v", r)
	}
	if r := Verify(small(t), known); !r.Holds || !r.KnownKey {
		t.Errorf("the key of the list: %+v", r)
	}
}

// Contents that are signed and do not fit together are named too: the holder of the key may be wrong.
func TestWhatWasSignedMustFitTogether(t *testing.T) {
	for name, c := range map[string]struct {
		change func(m *Manifest, parts []Part) []Part
		part   string
		code   Code
	}{
		"another seal": {func(m *Manifest, p []Part) []Part { m.Seal = m.Head; return p }, SealedPath, CodeSeal},
		"another head": {func(m *Manifest, p []Part) []Part { m.Head = m.Seal; return p }, EventsPath, CodeChain},
		"a record less": {func(_ *Manifest, p []Part) []Part {
			p[1].Data = p[1].Data[bytes.IndexByte(p[1].Data, '\n')+1:]
			return p
		}, EventsPath, CodeChain},
		"a record changed": {func(_ *Manifest, p []Part) []Part {
			p[1].Data = bytes.ReplaceAll(p[1].Data, []byte("decided"), []byte("skipped"))
			return p
		}, EventsPath, CodeChain},
		"a picture of no name": {func(_ *Manifest, p []Part) []Part { p[3].Path = "pictures/1.jpg"; return p }, "pictures/1.jpg", CodePicture},
		"no events":            {func(_ *Manifest, p []Part) []Part { return append(p[:1:1], p[2:]...) }, EventsPath, CodeMissing},
		"no sealed bytes":      {func(_ *Manifest, p []Part) []Part { return p[1:] }, SealedPath, CodeMissing},
		"sealed bytes of no one": {func(m *Manifest, p []Part) []Part {
			p[0].Data = []byte("x")
			sum := sha256.Sum256(p[0].Data)
			m.Seal = schemas.Digest(sum[:])
			return p
		}, SealedPath, CodeSeal},
	} {
		if r := Verify(makeBundle(t, nil, c.change), Trust{}); r.Holds || !hasFinding(r, c.part, c.code) {
			t.Errorf("%s: %+v, want %s of %s", name, r.Findings, c.code, c.part)
		}
	}
}

// The same case has the same bytes, but for the instant and the signature.
func TestTheSameBundleHasTheSameBytes(t *testing.T) {
	b := small(t)
	for name, made := range map[string][]byte{"small.zip": b, "batch.zip": makeBatch(t, 2), "notice.zip": makeNotice(t, nil)} {
		path := filepath.Join(goldenDir, name)
		if *update {
			if err := os.WriteFile(path, made, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		golden, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(golden, made) {
			t.Errorf("%s differs from the file made now; every file ever made must verify, so a new form has a new number", path)
		}
	}
	m, parts := smallParts(t)
	later, err := Sign(m, parts, testKey(1), signedAt.Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	again, err := later.Write(parts, nil)
	if err != nil {
		t.Fatal(err)
	}
	a, z := readAll(t, b), readAll(t, again)
	for path := range a {
		if same := bytes.Equal(a[path], z[path]); same == (path == SignaturePath) {
			t.Errorf("%s: equal %t an hour later", path, same)
		}
	}
}

// readAll reads a bundle by the standard library.
func readAll(t *testing.T, b []byte) map[string][]byte {
	t.Helper()
	r, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	out := map[string][]byte{}
	for _, f := range r.File {
		in, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		if out[f.Name], err = io.ReadAll(in); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

func TestSignRefusesWhatVerifyWouldRefuse(t *testing.T) {
	m, parts := smallParts(t)
	for _, path := range []string{"", "../x", "/x", "a//b", "A", "a\\b", "a b", ".x", "x.", "a/../b", ManifestPath, SignaturePath, StampPath, parts[0].Path, strings.Repeat("x", 101)} {
		if _, err := Sign(m, append(slices.Clip(parts), Part{Path: path}), testKey(1), signedAt); err == nil {
			t.Errorf("%q is taken", path)
		}
	}
}

// FuzzVerify: whatever the file, Verify ends without a panic, and a file that holds is the one that Write makes of its parts.
func FuzzVerify(f *testing.F) {
	b := small(f)
	f.Add(b)
	f.Add(makeBundle(f, []byte("token"), nil))
	f.Add(append([]byte("x"), b...))
	f.Add(b[:len(b)-1])
	f.Fuzz(func(t *testing.T, file []byte) {
		r := Verify(file, Trust{})
		if r.Holds == (len(r.Findings) > 0) {
			t.Fatalf("holds %t with findings %v", r.Holds, r.Findings)
		}
		if !r.Holds {
			return
		}
		var parts []Part
		for _, h := range unpack(file).parts {
			parts = append(parts, Part{h.path, file[h.dataAt():h.end()]})
			if crc32.ChecksumIEEE(parts[len(parts)-1].Data) != h.crc {
				t.Fatal("a check sum does not hold")
			}
		}
		if !bytes.Equal(writeZip(parts), file) {
			t.Fatal("a file that holds is not in the one form")
		}
	})
}
