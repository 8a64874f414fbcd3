package recovery

import (
	"strings"
	"testing"

	"github.com/gvc-brussels/anpr/pipeline/ingest"
	"github.com/gvc-brussels/anpr/pipeline/platform"
)

// Only records that no table can store, and before which a partition stands, may be given up.
func TestOnlyWhatStandsMayBeGivenUp(t *testing.T) {
	at := func(start, end, reached int64, losses ...ingest.Loss) Standing {
		return Standing{
			partition: 3, plan: ingest.Plan{Start: start, End: end}, reached: ingest.StoredExtent{End: reached, Any: reached > 0},
			bounds: platform.Bounds{First: 20, End: 500}, losses: losses,
		}
	}
	for _, c := range []struct {
		name string
		s    Standing
		to   int64
		want string
	}{
		{"the next records", at(100, 100, 100), 110, ""},
		{"up to the end of the log", at(100, 100, 100), 500, ""},
		{"a batch under way, with what follows", at(100, 130, 100), 140, ""},
		{"exactly the batch under way", at(100, 130, 100), 130, ""},
		{"records that left the log", at(10, 10, 10), 20, ""},
		{"nothing processed yet", at(0, 0, 0), 20, ""},
		{"nothing", at(100, 100, 100), 100, "nothing before it is waiting"},
		{"what is stored", at(100, 100, 100), 50, "nothing before it is waiting"},
		{"beyond the log", at(100, 100, 100), 501, "ends at offset 500"},
		{"before the log", at(10, 10, 10), 15, "begins at offset 20"},
		{"a part of the batch under way", at(100, 130, 100), 110, "skip to 130 or beyond"},
		{"a batch under way that is stored", at(100, 130, 130), 140, "restart the worker"},
		{"a loss that is recorded", at(100, 100, 120, ingest.Loss{Start: 100, End: 120}), 130, "is recorded already"},
		{"tables that are ahead", at(100, 100, 120), 130, "the tables have records up to offset 120"},
	} {
		err := c.s.mayLose(c.to)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}
