package bundle

import (
	"crypto/ed25519"
	"slices"
	"testing"
)

func makeNotice(t testing.TB, ask AskStamp) []byte {
	t.Helper()
	m := NoticeManifest{BatchID: "b1", Number: "GV.5339.000001/2026", CaseID: "0b0e7a52-f4f0-486d-8f1f-1d2b7a3f0001", Copy: 1}
	file, err := WriteNotice(m, []Part{{NoticePath, []byte(`{"reason":"device_wrong"}`)}, {"annulment.schema.json", []byte(`{}`)}}, testKey(1), signedAt, ask)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// Every byte of a notice is changed, by one bit and by all, and a finding names the part where it lies; a notice is neither a
// bundle nor a batch.
func TestEveryChangedByteOfANoticeIsFoundAndNamed(t *testing.T) {
	file := makeNotice(t, func([]byte) ([]byte, error) { return []byte("token"), nil })
	if r := VerifyNotice(file, Trust{Keys: []ed25519.PublicKey{testKey(1).Public()}}); !r.Holds || !r.KnownKey || !IsNotice(file) || IsBatch(file) {
		t.Fatalf("%+v", r)
	}
	if VerifyNotice(file, Trust{Keys: []ed25519.PublicKey{testKey(2).Public()}}).Holds || Verify(file, Trust{}).Holds || VerifyBatch(file, Trust{}).Holds || VerifyNotice(small(t), Trust{}).Holds || VerifyNotice(makeBatch(t, 1), Trust{}).Holds {
		t.Error("a notice of another key, or a file of another kind, holds")
	}
	tried := map[string]bool{}
	for _, g := range regionsOf(t, file) {
		for at := g.from; at < g.to; at++ {
			tried[g.part] = true
			for _, mask := range []byte{1 << (at % 8), 0xff} {
				file[at] ^= mask
				r := VerifyNotice(file, Trust{})
				if r.Holds || !slices.ContainsFunc(r.Findings, func(f Finding) bool { return f.Part == g.part }) {
					t.Fatalf("byte %d in %s: got %+v", at, g.part, r.Findings)
				}
				file[at] ^= mask
			}
		}
	}
	if len(tried) != 5+1 {
		t.Errorf("%d parts were tried: %v", len(tried), tried)
	}
	for n := range file {
		if VerifyNotice(file[:n], Trust{}).Holds {
			t.Fatalf("%d of %d bytes verify", n, len(file))
		}
	}
	if VerifyNotice(append(file, 0), Trust{}).Holds {
		t.Error("a byte more verifies")
	}
	if _, err := WriteNotice(NoticeManifest{}, []Part{{"x", nil}}, testKey(1), signedAt, nil); err == nil {
		t.Error("a notice without its notice")
	}
}
