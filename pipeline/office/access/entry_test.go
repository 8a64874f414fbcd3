package access

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gvc-brussels/anpr/schemas"
)

// The chain has no plate in clear, whatever the question; the plates in clear are beside it.
func TestThePlatesOfAnEntryAreHMACs(t *testing.T) {
	m, k := &memory{}, testKeys(t)
	l := openLog(t, m, k)
	for _, plate := range []string{"1ABC123", "2QJS315*", "?ABC1*"} {
		p, err := l.Grant(t.Context(), scopeOf(t, plate))
		if err != nil {
			t.Fatal(err)
		}
		if err := l.Disclose(t.Context(), p, Disclosure{Rows: 1, Plates: []string{plate}}); err != nil {
			t.Fatal(err)
		}
		e := m.entries[p.Seq()-1]
		if raw, err := json.Marshal(e); err != nil || bytes.Contains(e.encodeContent(), []byte(plate)) || strings.Contains(e.Asked, plate) {
			t.Errorf("%s stands in clear: %s, err %v", plate, raw, err)
		}
		key, err := k.OfYear(time.Now().In(schemas.Brussels()).Year(), false)
		if err != nil {
			t.Fatal(err)
		}
		if want := `{"plate":"` + key.Text(key.Mark(plate)) + `"}`; e.Asked != want || e.Plates != 1 || e.Clear[0].Plate != plate {
			t.Errorf("got %+v, want %s", e, want)
		}
		if d := m.entries[p.Seq()]; d.Of != p.Seq() || d.Kind != KindDisclosed || !slices.Equal(d.Marks, e.Marks) || len(d.Clear) > 0 {
			t.Errorf("got disclosure %+v", d)
		}
	}
}

// A list that is too long for plates in clear is in the log as HMACs alone.
func TestALongListIsLoggedAsHMACs(t *testing.T) {
	k := testKeys(t)
	key, err := k.OfYear(2026, true)
	if err != nil {
		t.Fatal(err)
	}
	for n, inClear := range map[int]int{1: 1, maxClear: maxClear, maxClear + 1: 0} {
		a := Request{}
		for i := range n {
			a.Plates = append(a.Plates, "1ABC"+string(rune('A'+i/26))+string(rune('A'+i%26)))
		}
		if e := newAsked(&User{}, &a, key); len(e.Clear) != inClear || len(e.Marks) != n || !e.marksHold() {
			t.Errorf("%d plates: got %d in clear and %d HMACs, want %d", n, len(e.Clear), len(e.Marks), inClear)
		}
	}
}

// An entry's hash is a format: verifiers outside this program depend on it.
func TestEntryHashIsTheDocumentedOne(t *testing.T) {
	e := Entry{
		Seq: 7, At: 1, Kind: KindDisclosed, User: "u", Role: "r", Zones: "5339", SignIn: "s", Address: "a", Operation: "reads", Purpose: "p",
		PurposeID: "i", Reason: "w", CaseRef: "c", ProsecutorRef: "f", Asked: "{}", Outcome: "granted", Code: "x", Refusal: "y", Of: 6, Rows: 2,
		Plates: 1, KeyID: "2026-0", PlatesSum: []byte{1, 2}, Pictures: []byte{3}, TookMS: 9, Cut: true, Body: "b", Prev: schemas.Sum{0xff},
	}
	golden, err := os.ReadFile(filepath.Join("testdata", "entry.hex"))
	if err != nil {
		t.Fatal(err)
	}
	want, err := hex.DecodeString(strings.Join(strings.Fields(string(golden)), ""))
	if err != nil {
		t.Fatal(err)
	}
	if got := e.encodeContent(); !bytes.Equal(got, want) {
		t.Errorf("the encoding of an entry changed:\ngot  %x\nwant %x", got, want)
	}
	if sum := e.computeSum(); hex.EncodeToString(sum[:]) != "132d4ed4cddc473c1fc5b1f6bad1c4ff2fa9aae364c7e929ea19ab385c355709" {
		t.Errorf("got hash %x", sum)
	}
}
