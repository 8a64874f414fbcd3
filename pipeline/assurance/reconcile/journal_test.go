package reconcile

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

var noon = time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)

// batchOf makes receipts for an acknowledged batch.
func batchOf(rng *rand.Rand, partition int32, offset int64, at time.Time) []JournalReceipt {
	out := make([]JournalReceipt, 1+rng.IntN(40))
	for i := range out {
		out[i] = JournalReceipt{partition, offset + int64(i), fmt.Sprint("cam-", rng.IntN(30)), at.Add(time.Duration(rng.IntN(2_000_000)) * time.Microsecond).UTC(), rng.Uint32()}
	}
	return out
}

func readAll(t *testing.T, place string, from, to time.Time) (out []JournalReceipt, err error) {
	t.Helper()
	err = ReadReceipts(t.Context(), place, from, to, func(r *JournalReceipt) error {
		got := *r
		got.At = got.At.UTC()
		out = append(out, got)
		return nil
	})
	return out, err
}

func filled(t *testing.T, seed uint64) (dir string, all []JournalReceipt) {
	t.Helper()
	dir = t.TempDir()
	now := noon
	j, err := OpenJournal(JournalConfig{Dir: dir, Now: func() time.Time { return now }, Turn: 10 * time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(seed, 0))
	for i := range 60 {
		now = noon.Add(time.Duration(i) * time.Minute)
		b := batchOf(rng, int32(rng.IntN(4)), int64(i*100), now)
		if err := j.Append(b); err != nil {
			t.Fatal(err)
		}
		all = append(all, b...)
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	return dir, all
}

func TestReceiptsComeBackAsTheyWereWritten(t *testing.T) {
	dir, all := filled(t, 1)
	srv := httptest.NewServer(ServeReceipts(dir))
	defer srv.Close()
	for _, place := range []string{dir, srv.URL} {
		got, err := readAll(t, place, noon.Add(-time.Hour), noon.Add(2*time.Hour))
		if err != nil || !slices.Equal(got, all) {
			t.Errorf("%s: got %d receipts, err %v, want the %d written", place, len(got), err, len(all))
		}
		from, to := noon.Add(17*time.Minute), noon.Add(31*time.Minute)
		want := slices.DeleteFunc(slices.Clone(all), func(r JournalReceipt) bool { return r.At.Before(from) || !r.At.Before(to) })
		if got, err := readAll(t, place, from, to); err != nil || !slices.Equal(got, want) || len(want) == 0 {
			t.Errorf("%s: got %d receipts of a window, err %v, want %d", place, len(got), err, len(want))
		}
	}
	if names, err := journalFiles(dir); err != nil || len(names) < 6 {
		t.Errorf("an hour in files of ten minutes: %d files, err %v", len(names), err)
	}
	if _, err := readAll(t, srv.URL+"/elsewhere", noon, noon.Add(time.Hour)); err == nil {
		t.Error("an address that has no receipts was taken")
	}
}

// TestAKilledGatewayLosesNoReceipt leaves a file as a SIGKILL does: not closed, not forced to the disk. Any number of
// bytes in the last frame may be missing.
func TestAKilledGatewayLosesNoReceipt(t *testing.T) {
	dir := t.TempDir()
	j, err := OpenJournal(JournalConfig{Dir: dir, Now: func() time.Time { return noon }, Sync: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = j.Close() }()
	rng := rand.New(rand.NewPCG(2, 0))
	first, second := batchOf(rng, 0, 0, noon), batchOf(rng, 0, 100, noon)
	if err := j.Append(first); err != nil {
		t.Fatal(err)
	}
	names, _ := journalFiles(dir)
	path := filepath.Join(dir, names[0])
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := j.Append(second); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for cut := int(info.Size()); cut <= len(whole); cut++ {
		for _, tail := range [][]byte{nil, make([]byte, 4096)} { // a power cut may leave zeros
			if cut < len(whole) && tail != nil {
				continue // a frame's own bytes can be cut only by a kill
			}
			if err := os.WriteFile(path, append(bytes.Clone(whole[:cut]), tail...), 0o600); err != nil {
				t.Fatal(err)
			}
			got, err := readAll(t, dir, noon.Add(-time.Hour), noon.Add(time.Hour))
			want := first
			if cut == len(whole) {
				want = append(slices.Clone(first), second...)
			}
			if err != nil || !slices.Equal(got, want) {
				t.Fatalf("cut at %d of %d: got %d receipts, err %v, want %d", cut, len(whole), len(got), err, len(want))
			}
		}
	}
}

// TestDamageIsSaid flips every byte of a journal in turn. Earlier receipts are read, then comes an error; a flipped
// length may also look like the end.
func TestDamageIsSaid(t *testing.T) {
	dir := t.TempDir()
	j, err := OpenJournal(JournalConfig{Dir: dir, Now: func() time.Time { return noon }})
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(3, 0))
	if err := errors.Join(j.Append(batchOf(rng, 0, 0, noon)[:1]), j.Append(batchOf(rng, 0, 100, noon)[:1]), j.Close()); err != nil {
		t.Fatal(err)
	}
	names, _ := journalFiles(dir)
	path := filepath.Join(dir, names[0])
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	damaged := 0
	for i := range whole {
		bad := bytes.Clone(whole)
		bad[i] ^= 0x55
		if err := os.WriteFile(path, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := readAll(t, dir, noon.Add(-time.Hour), noon.Add(time.Hour))
		if err == nil && len(got) == 2 {
			t.Fatalf("byte %d of %d was changed and nobody noticed", i, len(whole))
		}
		if errors.Is(err, ErrDamaged) {
			damaged++
		}
	}
	if damaged < len(whole)*3/4 {
		t.Errorf("%d of %d damages were said, want most: only a longer length looks like an end", damaged, len(whole))
	}
}

func TestAFullDiskLosesReceiptsAndNothingElse(t *testing.T) {
	dir := t.TempDir()
	var told []error
	j, err := OpenJournal(JournalConfig{Dir: dir, Now: func() time.Time { return noon }, Error: func(err error) { told = append(told, err) }})
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(4, 0))
	if err := j.file.Close(); err != nil { // the next write fails
		t.Fatal(err)
	}
	if err := j.Append(batchOf(rng, 0, 0, noon)); err == nil || len(told) != 1 || !strings.Contains(told[0].Error(), "not in it") {
		t.Errorf("a write that failed: got %v, told %v", err, told)
	}
	after := batchOf(rng, 0, 100, noon)
	if err := errors.Join(j.Append(after), j.Close()); err != nil { // into another file
		t.Fatal(err)
	}
	if got, err := readAll(t, dir, noon.Add(-time.Hour), noon.Add(time.Hour)); err != nil || !slices.Equal(got, after) {
		t.Errorf("got %d receipts, err %v, want the %d after the failure", len(got), err, len(after))
	}
}

func TestOldReceiptsAreForgotten(t *testing.T) {
	dir := t.TempDir()
	now := noon
	cfg := JournalConfig{Dir: dir, Now: func() time.Time { return now }, Turn: time.Hour, Keep: 24 * time.Hour}
	j, err := OpenJournal(cfg)
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(5, 0))
	for i := range 100 {
		now = noon.Add(time.Duration(i) * time.Hour)
		if err := j.Append(batchOf(rng, 0, int64(i*100), now)); err != nil {
			t.Fatal(err)
		}
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	names, err := journalFiles(dir)
	if err != nil || len(names) < 24 || len(names) > 27 {
		t.Errorf("100 hours, 24 to keep: %d files, err %v", len(names), err)
	}
}

func BenchmarkAppend(b *testing.B) {
	j, err := OpenJournal(JournalConfig{Dir: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = j.Close() }()
	batch := make([]JournalReceipt, 14) // 7,000 reads a second in batches of 2 ms
	for i := range batch {
		batch[i] = JournalReceipt{1, int64(i), fmt.Sprint("cam-", i), noon, uint32(i)}
	}
	b.ReportAllocs()
	for b.Loop() {
		if err := j.Append(batch); err != nil {
			b.Fatal(err)
		}
	}
	info, err := j.file.Stat()
	if err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(info.Size())/float64(b.N*len(batch)), "bytes/receipt")
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(batch)), "ns/receipt")
}
