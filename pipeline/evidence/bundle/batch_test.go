package bundle

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// makeBatch makes a batch of n small bundles without a time stamp.
func makeBatch(t testing.TB, n int) []byte { return makeStampedBatch(t, n, nil) }

func makeStampedBatch(t testing.TB, n int, ask AskStamp) []byte {
	t.Helper()
	var list []CaseBundle
	for i := range n {
		m, parts := smallParts(t)
		m.CaseID = fmt.Sprintf("0b0e7a52-f4f0-486d-8f1f-1d2b7a3f%04d", i)
		s, err := Sign(m, parts, testKey(1), signedAt)
		if err != nil {
			t.Fatal(err)
		}
		b, err := s.Write(parts, nil)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, CaseBundle{Number: fmt.Sprintf("GV.5339.%06d/2026", n-i), CaseID: m.CaseID, Data: b, Sealed: s})
	}
	file, err := WriteBatch("b1", "prosecutor", list, []Part{{BatchPath, []byte(`{"cases":[]}`)}, {"batch.csv", []byte("number")}}, testKey(1), signedAt, ask)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

func TestABatchOfAHundredCasesVerifies(t *testing.T) {
	file := makeBatch(t, 100)
	r := VerifyBatch(file, Trust{Keys: []ed25519.PublicKey{testKey(1).Public()}})
	if !r.Holds || !r.KnownKey || len(r.Manifest.Cases) != 100 || r.Manifest.Cases[0].Number != "GV.5339.000001/2026" || !IsBatch(file) {
		t.Fatalf("%+v", r.Findings)
	}
	if r := VerifyBatch(file, Trust{Keys: []ed25519.PublicKey{testKey(2).Public()}}); r.Holds {
		t.Error("the key of somebody else signed it")
	}
	if IsBatch(small(t)) || VerifyBatch(small(t), Trust{}).Holds || Verify(file, Trust{}).Holds {
		t.Error("a batch is a bundle, or a bundle is a batch")
	}
}

// A byte is changed, everywhere, and a finding names the part where it lies: of a bundle, the bundle and the part in it.
func TestEveryChangedByteOfABatchIsFoundAndNamed(t *testing.T) {
	file := makeBatch(t, 2)
	tried := map[string]bool{}
	for _, g := range regionsOf(t, file) {
		inner := []region{g}
		if strings.HasPrefix(g.part, CasesDir) && strings.HasPrefix(g.codes, "content") {
			inner = nil
			for _, i := range regionsOf(t, file[g.from:g.to]) {
				inner = append(inner, region{g.from + i.from, g.from + i.to, g.part + ": " + i.part, i.codes})
			}
		}
		for _, g := range inner {
			for at := g.from; at < g.to; at += 3 {
				tried[g.part] = true
				file[at] ^= 1 << (at % 8)
				r := VerifyBatch(file, Trust{})
				if r.Holds || !slices.ContainsFunc(r.Findings, func(f Finding) bool { return f.Part == g.part }) {
					t.Fatalf("byte %d in %s: got %+v", at, g.part, r.Findings)
				}
				file[at] ^= 1 << (at % 8)
			}
		}
	}
	if len(tried) != 2*7+2+4+1 {
		t.Errorf("%d parts were tried: %v", len(tried), tried)
	}
	for n := range file {
		if n%17 == 0 && VerifyBatch(file[:n], Trust{}).Holds {
			t.Fatalf("%d of %d bytes verify", n, len(file))
		}
	}
	if VerifyBatch(append(file, 0), Trust{}).Holds {
		t.Error("a byte more verifies")
	}
}

// Whoever has no key can neither take a case out nor put another in, even one that the office signed.
func TestABatchIsWhatWasSigned(t *testing.T) {
	file := makeBatch(t, 3)
	r := VerifyBatch(file, Trust{})
	var parts []Part
	for path, data := range readAll(t, file) {
		parts = append(parts, Part{path, data})
	}
	sortParts(parts)
	if !bytes.Equal(writeZip(parts), file) {
		t.Fatal("the parts are not those of the file")
	}
	first, second := slices.IndexFunc(parts, func(p Part) bool { return p.Path == r.Manifest.Cases[0].Path }), slices.IndexFunc(parts, func(p Part) bool { return p.Path == r.Manifest.Cases[1].Path })
	without := slices.Delete(slices.Clone(parts), first, first+1)
	swapped := slices.Clone(parts)
	swapped[first].Data, swapped[second].Data = swapped[second].Data, swapped[first].Data
	for name, list := range map[string][]Part{"a case less": without, "two cases in each other's place": swapped} {
		got := VerifyBatch(writeZip(list), Trust{})
		if got.Holds || !slices.ContainsFunc(got.Findings, func(f Finding) bool { return f.Part == r.Manifest.Cases[0].Path }) {
			t.Errorf("%s: %+v", name, got.Findings)
		}
	}
	if _, err := WriteBatch("b", "t", nil, []Part{{"../x", nil}}, testKey(1), signedAt, nil); err == nil {
		t.Error("a part leads out of the file")
	}
}

// A time stamp of a batch or a notice is a part like the others: it is over the signature, and what an authority that is away
// leaves out is said.
func TestABatchAndANoticeHaveATimeStamp(t *testing.T) {
	read := func(token, data []byte) (Stamp, error) {
		if string(token) != "token of "+string(data) {
			return Stamp{}, errors.New("over something else")
		}
		return Stamp{Authority: "A"}, nil
	}
	ask := func(signature []byte) ([]byte, error) { return append([]byte("token of "), signature...), nil }
	away := func([]byte) ([]byte, error) { return nil, errors.New("no route") }
	b := VerifyBatch(makeStampedBatch(t, 2, ask), Trust{ReadStamp: read})
	n := VerifyNotice(makeNotice(t, ask), Trust{ReadStamp: read})
	if !b.Holds || b.Stamp == nil || b.Stamp.Authority != "A" || !n.Holds || n.Stamp == nil || n.Stamp.Authority != "A" {
		t.Errorf("batch %+v, notice %+v", b, n)
	}
	for note, ask := range map[string]AskStamp{"none: the authority did not answer": away, "none: no authority is configured": nil} {
		b, n := VerifyBatch(makeStampedBatch(t, 1, ask), Trust{ReadStamp: read}), VerifyNotice(makeNotice(t, ask), Trust{ReadStamp: read})
		if !b.Holds || b.Signature.StampNote != note || !n.Holds || n.Signature.StampNote != note || b.Stamp != nil || n.Stamp != nil {
			t.Errorf("%s: batch %+v, notice %+v", note, b, n)
		}
	}
	other := VerifyNotice(makeNotice(t, func([]byte) ([]byte, error) { return []byte("token of another"), nil }), Trust{ReadStamp: read})
	if other.Holds || len(other.Findings) != 1 || other.Findings[0].Part != StampPath {
		t.Errorf("a stamp over something else: %+v", other)
	}
}
