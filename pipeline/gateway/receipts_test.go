package gateway

import (
	"testing"

	"github.com/segmentio/kafka-go"
)

// A receipt says that a camera's upload was accepted. The gateway's own records on the log, such as a doubt, have
// none: the reconciliation would miss them among the reads.
func TestOnlyUploadsGetReceipts(t *testing.T) {
	var kept []Receipt
	told := 0
	done := passReceipts(func(r []Receipt) { kept = append(kept, r...); told++ })
	message := func(camera string, own bool) kafka.Message {
		return kafka.Message{Partition: 3, Offset: int64(len(camera)), WriterData: &Record{Camera: camera, Internal: own}}
	}
	done([]kafka.Message{message("A", false), message("BB", true), message("CCC", false)}, nil)
	done([]kafka.Message{message("D", true)}, nil)
	if told != 1 || len(kept) != 2 || kept[0].Camera != "A" || kept[1].Camera != "CCC" || kept[1].Offset != 3 {
		t.Errorf("told %d times of %v, want once, of A and CCC", told, kept)
	}
	g := &Gateway{cfg: Config{Partitions: 4}}
	if r := g.buildDoubt(&upload{}, &recentRead{camera: "A"}); !r.Internal {
		t.Error("a doubt is not the gateway's own")
	}
}
