package store

import (
	"slices"
	"testing"
	"time"

	"github.com/gvc-brussels/anpr/pipeline/cases"
	"github.com/gvc-brussels/anpr/schemas"
)

// A picture goes with its read, unless a case holds it: in every state, but for the three that come to nothing, and
// those hold it for 30 days more.
func TestACaseHoldsItsPictures(t *testing.T) {
	d := openDesk(t)
	scene, plate, shared, nobodys := schemas.Sum{1}, schemas.Sum{2}, schemas.Sum{3}, schemas.Sum{4}
	one, two := newIntake(1, d.now()), newIntake(2, d.now())
	one.Pictures = []cases.Picture{{Sum: schemas.DigestOf(scene), Kind: cases.PictureScene}, {Sum: schemas.DigestOf(plate), Kind: cases.PicturePlate}, {Sum: schemas.DigestOf(shared), Kind: cases.PictureOther}}
	two.Pictures = []cases.Picture{{Sum: schemas.DigestOf(shared), Kind: cases.PictureScene}}
	none := newIntake(3, d.now())
	none.Pictures = nil
	if got, err := d.TakeIn(t.Context(), []cases.Intake{one, two, none}); err != nil || got.New != 3 {
		t.Fatalf("got %+v, %v", got, err)
	}
	free := func() []schemas.Sum {
		t.Helper()
		got, err := d.FreePictures(t.Context(), []schemas.Sum{scene, plate, shared, nobodys})
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	set := func(of schemas.OffenceID, state cases.State) {
		t.Helper()
		settles := any(nil)
		if state == cases.Settling {
			settles = string(cases.Rejected)
		}
		d.pastTheGuards("UPDATE cases SET state = $2, settles_to = $3, effective_at = now() WHERE offence_id = $1", uuidOf(of.ID), string(state), settles)
	}
	d.pass(400 * 24 * time.Hour)
	ends := []cases.State{cases.Rejected, cases.Withdrawn, cases.Expired}
	for _, state := range cases.States() {
		set(one.Offence, state)
		want := []schemas.Sum{nobodys}
		if slices.Contains(ends, state) {
			want = []schemas.Sum{scene, plate, nobodys} // the other case still holds the third
		}
		if got := free(); !slices.Equal(got, want) {
			t.Errorf("%s: free %x, want %x", state, got, want)
		}
	}
	set(one.Offence, cases.Rejected)
	set(two.Offence, cases.Expired)
	d.moved.Store(int64(29 * 24 * time.Hour))
	if got := free(); !slices.Equal(got, []schemas.Sum{nobodys}) {
		t.Errorf("29 days after the end: free %x", got)
	}
	d.moved.Store(int64(31 * 24 * time.Hour))
	if got := free(); len(got) != 4 {
		t.Errorf("31 days after the end: free %x", got)
	}
}

func TestADeletedPictureOfACaseIsNotALostOne(t *testing.T) {
	d := openDesk(t)
	in := newIntake(1, d.now())
	if _, err := d.TakeIn(t.Context(), []cases.Intake{in}); err != nil {
		t.Fatal(err)
	}
	sum := schemas.Sum([]byte(in.Pictures[0].Sum))
	for _, s := range []schemas.Sum{sum, {9}} {
		if _, ok, err := d.PictureDeleted(t.Context(), s); ok || err != nil {
			t.Errorf("before: %v, %v", ok, err)
		}
		for range 2 {
			if err := d.NotePictureDeleted(t.Context(), s, time.Now().AddDate(-1, 0, 0)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if at, ok, err := d.PictureDeleted(t.Context(), sum); !ok || err != nil || time.Since(at).Abs() > time.Hour {
		t.Errorf("got %v, %v, %v", at, ok, err)
	}
	if _, ok, err := d.PictureDeleted(t.Context(), schemas.Sum{9}); ok || err != nil {
		t.Errorf("a picture of no case was noted: %v", err)
	}
	for _, sql := range []string{"DELETE FROM deleted_pictures", "UPDATE deleted_pictures SET deleted_at = now()", "INSERT INTO case_pictures SELECT sha256, case_id FROM case_pictures", "DELETE FROM case_pictures"} {
		if _, err := d.pool.Exec(t.Context(), sql); err == nil {
			t.Errorf("an office may: %s", sql)
		}
	}
}
