package shard

import (
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/gvc-brussels/anpr/schemas"
	"github.com/gvc-brussels/anpr/schemas/proto/anprv1"
)

// The log's time at a record is what most records say: one record from a clock that is an hour ahead does not begin an
// activation for its neighbours, the records that follow it in time do, and after a quiet hour the second record does, or a mark at once.
func TestTheLogsTimeIsNotThatOfOneClock(t *testing.T) {
	const start = schemas.Micros(1_795_000_000_000_000)
	tick := func(at schemas.Micros, format string) []byte {
		b, err := proto.Marshal(&anprv1.PlateRead{Format: format, Tick: &anprv1.Tick{AtUs: int64(at)}})
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	for _, c := range []struct {
		name    string
		seconds []schemas.Micros // of the records, after the start
		mark    int              // which of them is a mark; -1 = none
		want    int              // which of them is the first past second 30
	}{
		{"one after the other", []schemas.Micros{0, 10, 20, 30, 40}, -1, 3},
		{"one clock an hour ahead", []schemas.Micros{0, 5, 10, 3610, 15, 20, 3620, 25, 29, 35}, -1, 9},
		{"a record late", []schemas.Micros{0, 10, 25, 5, 31}, -1, 4},
		{"never", []schemas.Micros{0, 10, 20}, -1, 3},
		{"a quiet hour", []schemas.Micros{0, 5, 3600, 3601, 3602}, -1, 3},
		{"a quiet hour and a mark", []schemas.Micros{0, 5, 3590, 3600, 3601}, 2, 2},
		{"a mark before the instant", []schemas.Micros{0, 29, 31}, 1, 2},
	} {
		recs, s := &Records{}, New(Config{Partitions: 1}, Rewind{})
		for i, at := range c.seconds {
			format := ""
			if i == c.mark {
				format = schemas.FormatMark
			}
			recs.Append(int64(i), tick(start+at*schemas.Second, format))
		}
		before := s.clock
		if got := s.FirstPast(&Versions{}, recs, 0, recs.Len(), start+30*schemas.Second); got != c.want || s.clock != before {
			t.Errorf("%s: record %d, want %d; the clock moved: %t", c.name, got, c.want, s.clock != before)
		}
	}
}
