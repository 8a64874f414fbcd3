package bench

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/gvc-brussels/anpr/schemas"
	"github.com/gvc-brussels/anpr/schemas/proto/anprv1"
)

// slowTarget takes an upload a time, each in its time, and keeps what was said to come from a buffer.
type slowTarget struct {
	began time.Time
	takes time.Duration
	t     *testing.T
	late  int
	all   int
}

func (s *slowTarget) Lanes() int           { return 1 }
func (s *slowTarget) Lane(*LoadRecord) int { return 0 }
func (s *slowTarget) MaxBatch() int        { return 1 }
func (s *slowTarget) Uploads() bool        { return true }
func (s *slowTarget) Close() error         { return nil }
func (s *slowTarget) Deliver(_ context.Context, _ int, batch []*LoadRecord) error {
	for _, rec := range batch {
		var m anprv1.PlateRead
		s.all++
		if proto.Unmarshal(rec.Value, &m) == nil && m.LateUpload {
			s.late++
			if held := time.Since(s.began) - rec.Due; held <= bufferedAfter && schemas.Micros(m.CapturedAtUs) > rec.Received-schemas.Minute {
				s.t.Errorf("an upload held up for %v says that it comes from a buffer", held)
			}
		}
		time.Sleep(s.takes)
	}
	return nil
}

// TestAnUploadThatIsHeldUpSaysSo: on a machine too slow for the load, uploads carry the flag for the camera's buffer,
// and no camera clock is doubted; on a fast machine only the temporary cameras' uploads carry it.
func TestAnUploadThatIsHeldUpSaysSo(t *testing.T) {
	city := testCity(t, 1)
	for _, c := range []struct {
		takes time.Duration
		some  bool
	}{{time.Millisecond, false}, {200 * time.Millisecond, true}} {
		synctest.Test(t, func(t *testing.T) {
			target := &slowTarget{began: time.Now(), takes: c.takes, t: t}
			res, err := Run(t.Context(), RunConfig{City: city, Traffic: TrafficConfig{Rate: 20}, Target: target, Count: 200, Drain: 5 * time.Minute, InFlight: 1000})
			if err != nil {
				t.Fatal(err)
			}
			if got := res.Buffered > 100; got != c.some || target.all != 200 || c.some && target.late < int(res.Buffered) {
				t.Errorf("each takes %v: %d of %d held up, %d say so", c.takes, res.Buffered, target.all, target.late)
			}
		})
	}
}
