package evidence

import (
	"crypto/sha256"
	"encoding/json"
	"maps"
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
		ReadID: d.On.Read, Camera: d.On.Camera, CapturedAt: d.On.CapturedAt.Time(), Day: d.On.CapturedAt.Day().Start().Local(),
		Amount: d.AmountCents, LegalBasis: d.LegalBasis, Verified: true, Trace: string(AppendTrace(nil, d.Trace)),
		Catalogue: d.CatalogueVersion, Reference: d.ReferenceVersion, Image: schemas.Digest(d.On.Image[:]), Seal: schemas.Digest(d.Seal[:]), PrevSeal: schemas.Digest(d.PrevSeal[:]),
		Sealed: string(d.Sealed), Zone: "5339",
	}
	(*schemas.OffenceRow)(&row).SetMeasures(d.Measures)
	row.Day = schemas.Micros(int64(d.On.CapturedAt.Day()) * int64(24*schemas.Hour)).Time()
	if columns := row.Altered(); columns != nil {
		t.Fatalf("a row as it was sealed: %v", columns)
	}
	b, err := json.Marshal([]Row{row})
	if err != nil {
		t.Fatal(err)
	}
	var got []Row
	if err := json.Unmarshal(b, &got); err != nil || len(got) != 1 || !got[0].IsSame(&row) {
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

// An export from an earlier release has three speeds and no measures. It is read for ever, in full or not at all.
func TestAnExportFromBeforeMeasuresIsReadAndVerifies(t *testing.T) {
	for form := 1; form < newestForm; form++ {
		sealed := goldenBytes(form)
		d, err := ParseSealed(sealed)
		if err != nil {
			t.Fatal(err)
		}
		seal := sha256.Sum256(sealed)
		row := Row{
			OffenceID: d.Offence, Rule: string(d.Rule), RuleVersion: d.RuleVersion, Family: string(d.Family), Status: "candidate", Reason: d.Reason,
			HoldUntil: d.HoldUntil.Time(), Plate: d.On.Plate.String(), Class: d.On.Plate.Class().String(), Country: "BE", PassageID: d.Passage,
			ReadID: d.On.Read, Camera: d.On.Camera, CapturedAt: d.On.CapturedAt.Time(), Day: schemas.Micros(int64(d.On.CapturedAt.Day()) * int64(24*schemas.Hour)).Time(),
			Amount: d.AmountCents, LegalBasis: d.LegalBasis, Verified: true, Trace: string(AppendTrace(nil, d.Trace)), Catalogue: d.CatalogueVersion,
			Reference: d.ReferenceVersion, Image: schemas.Digest(d.On.Image[:]), Seal: schemas.Digest(seal[:]), PrevSeal: schemas.Digest(d.PrevSeal[:]), Sealed: string(sealed),
		}
		b, err := json.Marshal(row)
		if err != nil {
			t.Fatal(err)
		}
		columns := map[string]any{}
		if err := json.Unmarshal(b, &columns); err != nil {
			t.Fatal(err)
		}
		for _, c := range []string{"measures.name", "measures.value", "measures.uncertainty", "measures.device"} {
			delete(columns, c)
		}
		read := func(speeds map[string]any) (Row, error) {
			all := maps.Clone(columns)
			maps.Copy(all, speeds)
			b, err := json.Marshal(all)
			if err != nil {
				t.Fatal(err)
			}
			var got Row
			err = json.Unmarshal(b, &got)
			return got, err
		}
		speeds := map[string]any{"measured_dkmh": 710, "corrected_dkmh": 650, "limit_dkmh": 500}
		if got, err := read(speeds); err != nil || got.Altered() != nil || got.Measured != 710 || got.Corrected != 650 || got.Limit != 500 {
			t.Errorf("form %d: altered %v, speeds %d %d %d, err %v", form, got.Altered(), got.Measured, got.Corrected, got.Limit, err)
		}
		for c := range speeds {
			other := maps.Clone(speeds)
			other[c] = 1
			if got, err := read(other); err != nil || !slices.Equal(got.Altered(), []string{"measures.value"}) {
				t.Errorf("form %d, another %s: altered %v, err %v", form, c, got.Altered(), err)
			}
			delete(other, c)
			if _, err := read(other); err == nil {
				t.Errorf("form %d, no %s: no error", form, c)
			}
		}
	}
}
