package evidence

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/gvc-brussels/anpr/schemas"
)

func TestSealedBytesAreReadBackAsTheyWereWritten(t *testing.T) {
	d := *decision()
	Seal(&d, sumOf(0x99))
	got, err := ParseSealed(d.Sealed)
	if err != nil {
		t.Fatal(err)
	}
	got.Seal, got.Sealed = d.Seal, d.Sealed
	if !reflect.DeepEqual(got, d) {
		t.Errorf("got %+v, want %+v", got, d)
	}
	for n := range d.Sealed {
		if _, err := ParseSealed(d.Sealed[:n]); err == nil {
			t.Errorf("cut after %d bytes: no error", n)
		}
	}
	if _, err := ParseSealed(append(d.Sealed, 0)); err == nil {
		t.Error("one byte more: no error")
	}
}

func TestNoBytesAreReadAsADecisionThatHasOthers(t *testing.T) {
	d := *decision()
	Seal(&d, sumOf(0x99))
	rapid.Check(t, func(t *rapid.T) {
		b := append([]byte(nil), d.Sealed...)
		for range rapid.IntRange(1, 4).Draw(t, "changes") {
			b[rapid.IntRange(0, len(b)-1).Draw(t, "at")] = rapid.Byte().Draw(t, "byte")
		}
		if got, err := ParseSealed(b); err == nil {
			again := AppendSealed(nil, &got)
			if len(again) != len(b) {
				t.Fatalf("%x is read and written as %x", b, again)
			}
		}
	})
}

func TestAnExportedRowIsReadBackAndVerifies(t *testing.T) {
	d := *decision()
	Seal(&d, sumOf(0x99))
	row := Row{
		OffenceID: d.Offence, Rule: string(d.Rule), RuleVersion: d.RuleVersion, Family: string(d.Family), Status: "candidate", Reason: d.Reason,
		HoldUntil: d.HoldUntil.Time(), Plate: d.On.Plate.String(), Class: d.On.Plate.Class().String(), Country: "BE", PassageID: d.Passage,
		ReadID: d.On.Read, Camera: d.On.Camera, CapturedAt: d.On.CapturedAt.Time(), Day: d.On.CapturedAt.Day().Start().Local(), Measured: 710,
		Corrected: 650, Limit: 500, Amount: d.AmountCents, LegalBasis: d.LegalBasis, Verified: true, Trace: string(AppendTrace(nil, d.Trace)),
		Catalogue: d.CatalogueVersion, Reference: d.ReferenceVersion, Image: schemas.Digest(d.On.Image[:]), Seal: schemas.Digest(d.Seal[:]), PrevSeal: schemas.Digest(d.PrevSeal[:]),
		Sealed: string(d.Sealed), Zone: "5339",
	}
	row.Day = schemas.Micros(int64(d.On.CapturedAt.Day()) * int64(24*schemas.Hour)).Time()
	if columns := row.Altered(); columns != nil {
		t.Fatalf("a row as it was sealed: %v", columns)
	}
	b, err := json.Marshal([]Row{row})
	if err != nil {
		t.Fatal(err)
	}
	var got []Row
	if err := json.Unmarshal(b, &got); err != nil || len(got) != 1 || got[0] != row {
		t.Errorf("got %+v, err %v", got, err)
	}
	for id, column := range map[string]string{d.Offence.ID.String(): "offence_id", d.Passage.ID.String(): "passage_id", d.On.Read.ID.String(): "read_id"} {
		for _, other := range []string{"", "x", "0", id + "0", "00000000-0000-0000-0000-000000000000"} {
			text := strings.Replace(string(b), `"`+column+`":"`+id+`"`, `"`+column+`":"`+other+`"`, 1)
			if err := json.Unmarshal([]byte(text), &got); err != nil || len(got) != 1 || !slices.Equal(got[0].Altered(), []string{column}) {
				t.Errorf("%s is %q: altered %v, err %v", column, other, got[0].Altered(), err)
			}
		}
	}
	if err := json.Unmarshal([]byte(`[{"offence_id":""}]`), &got); err == nil {
		t.Error("a row without its columns is read")
	}
}
