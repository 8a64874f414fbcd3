package reconcile

import (
	"errors"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/gvc-brussels/anpr/pipeline/platform"
	"github.com/gvc-brussels/anpr/pipeline/testkit"
	"github.com/gvc-brussels/anpr/schemas"
)

// TestCommitsAreReadInEveryForm encodes commits with another implementation, in every version that brokers write.
func TestCommitsAreReadInEveryForm(t *testing.T) {
	h := &CommitLog{group: "g", topic: "t"}
	key := kmsg.NewOffsetCommitKey()
	key.Version, key.Group, key.Topic, key.Partition = 1, "g", "t", 7
	if p, ok := h.parseKey(key.AppendTo(nil)); !ok || p != 7 {
		t.Errorf("key of partition 7: got %d, %v", p, ok)
	}
	key.Group = "other"
	if _, ok := h.parseKey(key.AppendTo(nil)); ok {
		t.Error("the commit of another group was taken")
	}
	if _, ok := h.parseKey([]byte{0, 2, 0, 1, 'g'}); ok {
		t.Error("a group's metadata were taken for a commit")
	}
	if _, ok := h.parseKey(nil); ok {
		t.Error("a record without key was taken")
	}
	for version := range int16(5) {
		value := kmsg.NewOffsetCommitValue()
		value.Version, value.Offset, value.Metadata, value.CommitTimestamp, value.LeaderEpoch = version, 1234, `{"v":1}`, 1_795_600_000_000, 3
		b := value.AppendTo(nil)
		c, err := parseCommit(b)
		if err != nil || c.Offset != 1234 || c.Metadata != `{"v":1}` || c.At.UnixMilli() != 1_795_600_000_000 {
			t.Errorf("version %d: got %+v, %v", version, c, err)
		}
		for n := 1; n < len(b)-8; n++ { // versions 1 and 4 end with more than we read
			if c, err := parseCommit(b[:n]); err == nil && version != 1 && version != 4 {
				t.Errorf("version %d cut at %d of %d: got %+v, want an error", version, n, len(b), c)
			}
		}
	}
	if _, err := parseCommit([]byte{0, 9, 1, 2, 3}); !errors.Is(err, errCommitForm) {
		t.Errorf("an unknown version: got %v", err)
	}
	if c, err := parseCommit(nil); err != nil || c.Offset != -1 {
		t.Errorf("a deleted commit: got %+v, %v", c, err)
	}
}

func TestAGroupIsWhereKafkaPutsIt(t *testing.T) {
	// Java: Math.abs("anpr-ingest".hashCode()) % 50 and the like.
	for name, want := range map[string]int32{"": 0, "a": 97 % 50, "anpr-ingest": 0, "polygenelubricants": 0} {
		got := partitionOf(name, 50)
		if name == "anpr-ingest" {
			var h int32
			for _, c := range name {
				h = 31*h + c
			}
			want = max(h, -h) % 50
		}
		if got != want { // the last name hashes to the smallest integer
			t.Errorf("group %q: got partition %d, want %d", name, got, want)
		}
	}
}

func TestTheEmbeddedBrokerShowsNoHistory(t *testing.T) {
	if realBroker() {
		t.Log("a real broker: see TestTheVerifierReadsTheHistoryOfARealBroker")
		return
	}
	log := NewLog(platform.Kafka{Addr: testkit.Broker(t, map[string]int{schemas.TopicReads: 1})})
	defer log.Close()
	if _, err := OpenHistory(t.Context(), log, "g", schemas.TopicReads); !errors.Is(err, platform.ErrNoTopic) {
		t.Errorf("got %v, want %v: then read it instead of sampling", err, platform.ErrNoTopic)
	}
}
