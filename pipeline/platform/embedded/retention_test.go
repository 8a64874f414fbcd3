package embedded

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kmsg"
	"pgregory.net/rapid"
)

func TestWhatIsNeededIsNeverDroppedAndLimitsHoldElse(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		now := time.Unix(1_800_000_000, 0)
		var segments []logSegment
		need := Need{}
		for p := range int32(rapid.IntRange(1, 4).Draw(t, "partitions")) {
			base, n := int64(0), rapid.IntRange(1, 6).Draw(t, "segments")
			at := now.Add(-time.Duration(rapid.IntRange(0, 20).Draw(t, "days")) * 24 * time.Hour)
			for i := range n {
				s := logSegment{topic: "t", partition: p, base: base, end: base + 10, bytes: int64(rapid.IntRange(1, 100).Draw(t, "bytes")), batches: int64(rapid.IntRange(1, 10).Draw(t, "batches")), written: at}
				if i == n-1 {
					s.end = -1
				}
				segments, base, at = append(segments, s), base+10, at.Add(time.Hour)
			}
			if rapid.Bool().Draw(t, "has a need") {
				if need["t"] == nil {
					need["t"] = map[int32]int64{}
				}
				need["t"][p] = int64(rapid.IntRange(0, 70).Draw(t, "need"))
			}
		}
		limits := Limits{Age: time.Duration(rapid.IntRange(0, 10).Draw(t, "age")) * 24 * time.Hour, Bytes: int64(rapid.IntRange(0, 500).Draw(t, "max bytes")), Batches: int64(rapid.IntRange(0, 50).Draw(t, "max batches"))}
		cuts, use := planTrim(append([]logSegment(nil), segments...), limits, need, now)
		var bytes, batches, droppable int64
		for _, s := range segments {
			cut := cuts["t"][s.partition]
			first, needed := need["t"][s.partition]
			if needed && cut > first {
				t.Fatalf("partition %d is cut at %d and needed from %d", s.partition, cut, first)
			}
			if s.end >= 0 && s.end <= cut {
				continue
			}
			if s.base < cut {
				t.Fatalf("a cut at %d goes through the segment from %d", cut, s.base)
			}
			bytes, batches = bytes+s.bytes, batches+s.batches
			if s.end >= 0 && (!needed || s.end <= first) {
				droppable++
				if limits.Age > 0 && now.Sub(s.written) > limits.Age {
					t.Fatalf("a segment of %v is kept beyond %v, and nobody needs it", now.Sub(s.written), limits.Age)
				}
			}
		}
		if bytes != use.Bytes || batches != use.Batches {
			t.Fatalf("%d bytes and %d batches are left, said are %d and %d", bytes, batches, use.Bytes, use.Batches)
		}
		if droppable > 0 && (limits.Bytes > 0 && bytes > limits.Bytes || limits.Batches > 0 && batches > limits.Batches) {
			t.Fatalf("%d bytes and %d batches are left of %d and %d, and %d segments could go", bytes, batches, limits.Bytes, limits.Batches, droppable)
		}
	})
}

// fillLog writes a partition as the broker does, batches with a record whose value has a given size, and returns
// the number of bytes.
func fillLog(t testing.TB, dir string, partition, batches, value int, at time.Time) {
	t.Helper()
	folder := filepath.Join(dir, "kafka", "partitions", fmt.Sprint(crashTopic, "-", partition))
	if err := os.MkdirAll(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	var data, index bytes.Buffer
	base := int64(0)
	flush := func(next int64) {
		for name, b := range map[string]*bytes.Buffer{".dat": &data, ".idx": &index} {
			if err := os.WriteFile(filepath.Join(folder, fmt.Sprint(base, name)), b.Bytes(), 0o600); err != nil {
				t.Fatal(err)
			}
			b.Reset()
		}
		base = next
	}
	record := kmsg.Record{Value: bytes.Repeat([]byte("x"), value)}
	record.Length = int32(len(record.AppendTo(nil)) - 1)
	if n := len(binary.AppendVarint(nil, int64(record.Length))); n > 1 {
		record.Length = int32(len(record.AppendTo(nil)) - n)
	}
	records := record.AppendTo(nil)
	for i := range int64(batches) {
		b := kmsg.RecordBatch{
			FirstOffset: i, Magic: 2, FirstTimestamp: at.UnixMilli(), MaxTimestamp: at.UnixMilli(), ProducerID: -1, ProducerEpoch: -1, FirstSequence: -1, NumRecords: 1, Records: records,
		}
		b.Length = int32(len(b.AppendTo(nil)) - 12)
		raw := b.AppendTo(nil)
		binary.BigEndian.PutUint32(raw[batchCRCAt:], crc32.Checksum(raw[batchAttrsAt:], castagnoli))
		data.Write(raw)
		entry := [indexEntry]byte{1}
		index.Write(entry[:])
		if data.Len() >= segmentBytes {
			flush(i + 1)
		}
	}
	flush(int64(batches))
}

// filledLog is a broker's directory with a log that a kill left, in two partitions.
func filledLog(t testing.TB, batches, value int) string {
	t.Helper()
	dir := t.TempDir()
	b, err := StartBroker(BrokerConfig{Addr: "127.0.0.1:0", DataDir: dir, Topics: map[string]int{crashTopic: 2}})
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	for p := range 2 {
		if err := os.RemoveAll(filepath.Join(dir, "kafka", "partitions", fmt.Sprint(crashTopic, "-", p))); err != nil {
			t.Fatal(err)
		}
		fillLog(t, dir, p, batches/2, value, time.Now())
	}
	return dir
}

// peakMiB returns the peak memory of a process, as counted by the kernel.
func peakMiB(t testing.TB, pid int) (mib int) {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatalf("this system does not tell the peak of a process's memory (Linux does): %v", err)
	}
	_, rest, _ := strings.Cut(string(text), "VmHWM:")
	if _, err := fmt.Sscan(rest, &mib); err != nil {
		t.Fatal(err)
	}
	return mib >> 10
}

// A start after a kill must not read the log into memory.
func TestMemoryOfAStartAfterAKillIsIndependentOfTheSizeOfTheLog(t *testing.T) {
	started := func(batches int) (*process, int) {
		p := startProcess(t, "broker", filledLog(t, batches, 8<<10), "127.0.0.1:0")
		return p, peakMiB(t, p.cmd.Process.Pid)
	}
	part, small := started(7_500)
	part.kill()
	full, peak := started(30_000)
	t.Logf("peak of a start: %d MiB with 60 MiB of log, %d MiB with 240 MiB", small, peak)
	if peak > small+90 { // the race detector needs several times the program's memory
		t.Errorf("a start took %d MiB, %d more than with a log that is 180 MiB smaller, want at most 90 more", peak, peak-small)
	}
	for p := range 2 {
		if got := len(readAll(t, full.first, p)); got != 15_000 {
			t.Errorf("partition %d has %d records, want 15,000", p, got)
		}
	}
}

func TestATrimmedLogGoesOnWhereItWasAlsoAfterAKill(t *testing.T) {
	dir := filledLog(t, 6_000, 8<<10) // three segments a partition
	b, err := StartBroker(BrokerConfig{Addr: "127.0.0.1:0", DataDir: dir, Topics: map[string]int{crashTopic: 2}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = b.Close() }()
	bounds := func(addr string, p int) (first, end int64) {
		t.Helper()
		conn, err := kafka.DialLeader(t.Context(), "tcp", addr, crashTopic, p)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if first, end, err = conn.ReadOffsets(); err != nil {
			t.Fatal(err)
		}
		return first, end
	}
	limits := Limits{Bytes: 1}
	use, err := b.TrimLog(t.Context(), limits, Need{crashTopic: {0: 1200, 1: 3000}}, time.Now())
	if err != nil || use.Dropped == 0 || use.Held == 0 {
		t.Fatalf("%+v, %v", use, err)
	}
	f0, e0 := bounds(b.Addr(), 0)
	f1, e1 := bounds(b.Addr(), 1)
	if f0 == 0 || f0 > 1200 || f1 <= 1200 || e0 != 3000 || e1 != 3000 {
		t.Errorf("partitions are [%d, %d) and [%d, %d), want the first cut before 1200, the second to its last segment", f0, e0, f1, e1)
	}
	// As after a kill: files as they are, the note of the stop before the trim.
	copied := filepath.Join(t.TempDir(), "data")
	if err := os.CopyFS(copied, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	killed, err := StartBroker(BrokerConfig{Addr: "127.0.0.1:0", DataDir: copied, Topics: map[string]int{crashTopic: 2}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = killed.Close() }()
	for p, want := range [][2]int64{{f0, e0}, {f1, e1}} {
		if f, e := bounds(killed.Addr(), p); f != want[0] || e != want[1] {
			t.Errorf("partition %d after a kill is [%d, %d), want [%d, %d)", p, f, e, want[0], want[1])
		}
		if at, err := produce(t.Context(), killed.Addr(), p, []byte("next")); err != nil || at != want[1] {
			t.Errorf("partition %d: the next record has offset %d, %v; want %d", p, at, err, want[1])
		}
	}
}

// A batch cut off by the kill is removed. Strange segments are left to the broker.
func TestTornAndStrangeSegments(t *testing.T) {
	for name, c := range map[string]struct {
		damage func(raw []byte) []byte
		whole  int64 // batches left; -1: left alone
	}{
		"whole":             {func(raw []byte) []byte { return raw }, 5},
		"half a batch":      {func(raw []byte) []byte { return raw[:len(raw)-40] }, 4},
		"half a header":     {func(raw []byte) []byte { return raw[:len(raw)/5*4+20] }, 4},
		"nothing":           {func([]byte) []byte { return nil }, 0},
		"a flipped byte":    {func(raw []byte) []byte { raw[len(raw)/2] ^= 1; return raw }, -1},
		"zeros at the end":  {func(raw []byte) []byte { return append(raw, make([]byte, 100)...) }, -1},
		"of a transaction":  {func(raw []byte) []byte { raw[batchAttrsAt+1] |= 0x10; return raw }, -1},
		"another's offsets": {func(raw []byte) []byte { raw[7] = 9; return raw }, -1},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			fillLog(t, dir, 0, 5, 100, time.Now())
			folder := filepath.Join(dir, "kafka", "partitions", crashTopic+"-0")
			path := filepath.Join(folder, "0.dat")
			raw, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			one := int64(len(raw)) / 5
			before := c.damage(raw)
			if err := os.WriteFile(path, before, 0o600); err != nil {
				t.Fatal(err)
			}
			if err := renewSnapshot(folder); err != nil {
				t.Fatal(err)
			}
			after, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			_, noted := os.Stat(filepath.Join(folder, "snapshot.json"))
			switch {
			case c.whole < 0 && (noted == nil || !bytes.Equal(after, before)):
				t.Errorf("it was touched: noted %v, %d bytes of %d", noted == nil, len(after), len(before))
			case c.whole >= 0 && (noted != nil || int64(len(after)) != c.whole*one):
				t.Errorf("%d bytes are left (%v), want %d batches of %d", len(after), noted, c.whole, one)
			}
		})
	}
}
