package roles

import (
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/gvc-brussels/anpr/bench"
	"github.com/gvc-brussels/anpr/pipeline/platform"
	"github.com/gvc-brussels/anpr/schemas"
)

// A reload of the service reads the reference data again, and ends nothing.
func TestAHangupReadsTheReferenceDataAgain(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "reference")
	city, err := bench.NewCity(bench.CityConfig{Seed: 1, Cameras: 10, Vehicles: 100, At: schemas.MicrosOf(time.Now())})
	if err != nil {
		t.Fatal(err)
	}
	if err := city.WriteReference(dir); err != nil {
		t.Fatal(err)
	}
	o := platform.NewOps()
	if _, err := OpenReference(t.Context(), ReferenceConfig{Dir: dir}, o, zerolog.Nop()); err != nil {
		t.Fatal(err)
	}
	for want := 2.0; want < 5; want++ { // the start is the first
		if err := syscall.Kill(syscall.Getpid(), syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		for loads(t, o) < want {
			select {
			case <-time.After(5 * time.Millisecond):
			case <-t.Context().Done():
				t.Fatalf("%v loads after %v hangups", loads(t, o), want-1)
			}
		}
	}
}

// loads returns how often the reference data were read.
func loads(t *testing.T, o *platform.Ops) float64 {
	t.Helper()
	families, err := o.Registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == "anpr_refdata_reloads_total" {
			return f.GetMetric()[0].GetCounter().GetValue()
		}
	}
	t.Fatal("anpr_refdata_reloads_total is not there")
	return 0
}
