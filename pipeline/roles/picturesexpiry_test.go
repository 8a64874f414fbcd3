package roles

import (
	"context"
	"crypto/sha256"
	"errors"
	"io/fs"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"github.com/gvc-brussels/anpr/pipeline/platform/images"
	"github.com/gvc-brussels/anpr/schemas"
)

// holders are cases that hold some pictures, and that can be away.
type holders struct {
	held  []schemas.Sum
	noted []schemas.Sum
	away  error
}

func (h *holders) FreePictures(_ context.Context, sums []schemas.Sum) ([]schemas.Sum, error) {
	return slices.DeleteFunc(slices.Clone(sums), func(s schemas.Sum) bool { return slices.Contains(h.held, s) }), h.away
}

func (h *holders) NotePictureDeleted(_ context.Context, sum schemas.Sum, _ time.Time) error {
	h.noted = append(h.noted, sum)
	return nil
}

// Pictures go when their reads may no longer be kept, unless a case holds them; without an answer of the cases nothing
// goes.
func TestPicturesGoWithTheirReadsUnlessACaseHoldsThem(t *testing.T) {
	now := time.Date(2026, 11, 29, 10, 30, 0, 0, time.UTC)
	dir, err := images.OpenDir(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	put := func(text string, age time.Duration) schemas.Sum {
		t.Helper()
		sum, err := dir.Put(t.Context(), []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(dir.PathOf(sum), time.Time{}, now.Add(-age)); err != nil {
			t.Fatal(err)
		}
		return sum
	}
	const day = 24 * time.Hour
	young, last, old, held := put("young", day), put("the last day", 363*day), put("old", 366*day), put("old and held", 900*day)
	cases := &holders{held: []schemas.Sum{held}, away: errors.New("the database does not answer")}
	e := &pictureExpiry{store: dir, cases: cases, now: func() time.Time { return now }, deleted: newPicturesDeleted(prometheus.NewRegistry()), log: zerolog.Nop()}
	wholeDay := func() {
		for h := range hoursOfAPassFull {
			e.now = func() time.Time { return now.Truncate(day).Add(time.Duration(h) * time.Hour) }
			e.deleteShare(t.Context())
		}
	}
	there := func(sum schemas.Sum) bool {
		_, err := dir.Get(t.Context(), sum)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Error(err)
		}
		return err == nil
	}
	if wholeDay(); !there(old) {
		t.Fatal("a picture went while nobody could say whether a case holds it")
	}
	cases.away = nil
	wholeDay()
	if !there(young) || !there(last) || there(old) || !there(held) {
		t.Errorf("young %v, on its last day %v, old %v, held %v: want only the old one gone", there(young), there(last), there(old), there(held))
	}
	if !slices.Equal(cases.noted, []schemas.Sum{sha256.Sum256([]byte("old"))}) {
		t.Errorf("noted %x", cases.noted)
	}
}

func TestADayLooksThroughTheWholeStore(t *testing.T) {
	seen := map[byte]int{}
	for h := range hoursOfAPassFull {
		for _, b := range shareOfHour(h) {
			seen[b]++
		}
	}
	for b := range firstBytes {
		if seen[byte(b)] != 1 {
			t.Errorf("byte %02x is looked through %d times a day", b, seen[byte(b)])
		}
	}
	now := schemas.DayOf(2028, 2, 29).Start() + 5*schemas.Hour
	if got, want := expiryOfPictures(now), schemas.DayOf(2027, 3, 1).Start(); got != want {
		t.Errorf("on 29 February: %s, want %s", got, want)
	}
}
