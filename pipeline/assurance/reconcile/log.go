package reconcile

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/segmentio/kafka-go"
)

// slack is how much later than it was received a record may stand on the log: an upload of a minute, a produce that was tried
// again. Beyond it, records of a window would be looked for in vain.
const slack = 5 * time.Minute

// Log asks a Kafka for records, offsets and commits. It joins no group and writes nothing.
type Log struct {
	brokers []string
	addr    net.Addr
	client  *kafka.Client
	dialer  *kafka.Dialer
}

// NewLog makes a Log of brokers, host:port separated by commas. It does not connect yet.
func NewLog(addr string) *Log { return NewLogVia(addr, nil) }

// NewLogVia is NewLog with what opens connections; nil: TCP. Brokers that ask who one is need one that logs in.
func NewLogVia(addr string, dial func(ctx context.Context, network, addr string) (net.Conn, error)) *Log {
	brokers := strings.Split(addr, ",")
	for i := range brokers {
		brokers[i] = strings.TrimSpace(brokers[i])
	}
	const id = "anpr-reconcile"
	l := &Log{brokers: brokers, addr: kafka.TCP(brokers...), dialer: &kafka.Dialer{Timeout: 5 * time.Second, DualStack: true, ClientID: id, DialFunc: dial}}
	l.client = &kafka.Client{Addr: l.addr, Timeout: 10 * time.Second, Transport: &kafka.Transport{ClientID: id, MetadataTTL: 5 * time.Second, Dial: dial}}
	return l
}

// Close ends idle connections.
func (l *Log) Close() {
	if t, ok := l.client.Transport.(*kafka.Transport); ok {
		t.CloseIdleConnections()
	}
}

// ErrNoTopic says that the broker has no such topic.
var ErrNoTopic = errors.New("no such topic")

// Partitions lists the partitions of a topic.
func (l *Log) Partitions(ctx context.Context, topic string) ([]int32, error) {
	meta, err := l.client.Metadata(ctx, &kafka.MetadataRequest{Topics: []string{topic}})
	if err != nil {
		return nil, fmt.Errorf("ask Kafka at %s for topic %s: %w; is it running, is --kafka-addr right?", strings.Join(l.brokers, ","), topic, err)
	}
	var out []int32
	for _, t := range meta.Topics {
		if t.Name != topic {
			continue
		}
		if t.Error != nil && !errors.Is(t.Error, kafka.UnknownTopicOrPartition) {
			return nil, fmt.Errorf("ask for topic %s: %w", topic, t.Error)
		}
		for _, p := range t.Partitions {
			out = append(out, int32(p.ID))
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("topic %s: %w", topic, ErrNoTopic)
	}
	slices.Sort(out)
	return out, nil
}

// Bounds is the extent of a partition: the first offset it still has and the one after the last.
type Bounds struct{ First, End int64 }

// Bounds asks for the extent of every partition.
func (l *Log) Bounds(ctx context.Context, topic string, partitions []int32) (map[int32]Bounds, error) {
	want := make([]kafka.OffsetRequest, 0, 2*len(partitions))
	for _, p := range partitions {
		want = append(want, kafka.FirstOffsetOf(int(p)), kafka.LastOffsetOf(int(p)))
	}
	resp, err := l.client.ListOffsets(ctx, &kafka.ListOffsetsRequest{Topics: map[string][]kafka.OffsetRequest{topic: want}})
	if err != nil {
		return nil, fmt.Errorf("ask for the offsets of %s: %w", topic, err)
	}
	out := map[int32]Bounds{}
	for _, p := range resp.Topics[topic] {
		if p.Error != nil {
			return nil, fmt.Errorf("ask for the offsets of %s/%d: %w", topic, p.Partition, p.Error)
		}
		out[int32(p.Partition)] = Bounds{p.FirstOffset, p.LastOffset}
	}
	for _, p := range partitions {
		if _, ok := out[p]; !ok {
			return nil, fmt.Errorf("ask for the offsets of %s/%d: the broker did not answer for it", topic, p)
		}
	}
	return out, nil
}

// Since returns for every partition the first offset whose record is of that time or later, or the end of bounds when there
// is none. No record before it is as late.
func (l *Log) Since(ctx context.Context, topic string, bounds map[int32]Bounds, at time.Time) (map[int32]int64, error) {
	out := map[int32]int64{}
	var want []kafka.OffsetRequest
	for p, b := range bounds {
		out[p] = b.End
		want = append(want, kafka.TimeOffsetOf(int(p), at))
	}
	resp, err := l.client.ListOffsets(ctx, &kafka.ListOffsetsRequest{Topics: map[string][]kafka.OffsetRequest{topic: want}})
	if err != nil {
		return nil, fmt.Errorf("find the records of %s since %s: %w", topic, at.UTC().Format(time.RFC3339), err)
	}
	for _, p := range resp.Topics[topic] {
		if p.Error != nil {
			return nil, fmt.Errorf("find the records of %s/%d since %s: %w", topic, p.Partition, at.UTC().Format(time.RFC3339), p.Error)
		}
		for offset := range p.Offsets {
			if b := bounds[int32(p.Partition)]; offset >= 0 {
				out[int32(p.Partition)] = min(max(offset, b.First), b.End)
			}
		}
	}
	return out, nil
}

// Commit is what a consumer group has committed for a partition; Offset is -1 when nothing was.
type Commit struct {
	Partition int32
	Offset    int64
	Metadata  string
	At        time.Time // when it was committed, or when it was asked for
	Hole      bool      // commits just before this one may have been compacted away
}

// Commits asks for the commits of a group. While its coordinator moves, which takes brokers a moment, it asks again.
func (l *Log) Commits(ctx context.Context, group, topic string, partitions []int32) (map[int32]Commit, error) {
	for try := 0; ; try++ {
		out, err := l.commits(ctx, group, topic, partitions)
		if code, ok := errors.AsType[kafka.Error](err); !ok || !code.Temporary() || try == 20 {
			return out, err
		}
		select {
		case <-time.After(250 * time.Millisecond):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func (l *Log) commits(ctx context.Context, group, topic string, partitions []int32) (map[int32]Commit, error) {
	ids := make([]int, len(partitions))
	for i, p := range partitions {
		ids[i] = int(p)
	}
	resp, err := l.client.OffsetFetch(ctx, &kafka.OffsetFetchRequest{Addr: l.addr, GroupID: group, Topics: map[string][]int{topic: ids}})
	if err == nil && resp.Error != nil {
		err = resp.Error
	}
	if errors.Is(err, kafka.GroupIdNotFound) { // what a broker says of a group that never was
		resp = &kafka.OffsetFetchResponse{Topics: map[string][]kafka.OffsetFetchPartition{}}
		for _, p := range ids {
			resp.Topics[topic] = append(resp.Topics[topic], kafka.OffsetFetchPartition{Partition: p, CommittedOffset: -1})
		}
		err = nil
	}
	if err != nil {
		return nil, fmt.Errorf("ask for the commits of group %s: %w", group, err)
	}
	out, now := map[int32]Commit{}, time.Now()
	for _, p := range resp.Topics[topic] {
		if p.Error != nil {
			return nil, fmt.Errorf("ask for the commits of group %s, %s/%d: %w", group, topic, p.Partition, p.Error)
		}
		out[int32(p.Partition)] = Commit{Partition: int32(p.Partition), Offset: p.CommittedOffset, Metadata: p.Metadata, At: now}
	}
	for _, p := range partitions {
		if _, ok := out[p]; !ok {
			return nil, fmt.Errorf("ask for the commits of group %s: the broker did not answer for %s/%d", group, topic, p)
		}
	}
	return out, nil
}

// Record is one record of a log. Its bytes are valid during the visit.
type Record struct {
	Offset     int64
	Time       time.Time
	Key, Value []byte
}

// stretch is a part of a partition: the offsets [from, to).
type stretch struct {
	topic     string
	partition int32
	from, to  int64
}

// read visits the records of a stretch in order. Offsets without a record (compaction, transaction markers of some brokers) are
// skipped over. to must not be beyond the end of the log.
func (l *Log) read(ctx context.Context, s stretch, visit func(*Record) error) error {
	if s.from >= s.to {
		return nil
	}
	conn, err := l.dial(ctx, s)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	if _, err := conn.Seek(s.from, kafka.SeekAbsolute|kafka.SeekDontCheck); err != nil {
		return fmt.Errorf("read %s/%d: seek to %d: %w", s.topic, s.partition, s.from, err)
	}
	next, idle := s.from, 0
	for next < s.to && idle < 5 { // a stretch may end with offsets that hold no record
		before := next
		if next, err = fetch(conn, s, next, visit); err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return fmt.Errorf("read %s/%d at %d: %w", s.topic, s.partition, next, err)
		}
		if idle++; next > before {
			idle = 0
		}
	}
	return nil
}

// fetch visits what one request brings and returns the offset to go on from.
func fetch(conn *kafka.Conn, s stretch, next int64, visit func(*Record) error) (int64, error) {
	if err := conn.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
		return next, err
	}
	batch := conn.ReadBatchWith(kafka.ReadBatchConfig{MinBytes: 1, MaxBytes: 8 << 20, MaxWait: 250 * time.Millisecond})
	var visited error
	for visited == nil && next < s.to { // what follows in the same answer may be what nobody can read
		m, err := batch.ReadMessage()
		if errors.Is(err, io.EOF) || errors.Is(err, kafka.RequestTimedOut) {
			break
		}
		if err != nil {
			return next, errors.Join(err, ignoreEnd(batch.Close()))
		}
		if m.Offset >= s.to {
			next = s.to
			break
		}
		if m.Offset < next {
			continue
		}
		next = m.Offset + 1
		visited = visit(&Record{m.Offset, m.Time, m.Key, m.Value})
	}
	return next, errors.Join(visited, ignoreEnd(batch.Close()))
}

// ignoreEnd drops what closing a batch says when it was not read to its end or was empty.
func ignoreEnd(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, kafka.RequestTimedOut) {
		return nil
	}
	return err
}

func (l *Log) dial(ctx context.Context, s stretch) (*kafka.Conn, error) {
	var last error
	for _, b := range l.brokers {
		conn, err := l.dialer.DialLeader(ctx, "tcp", b, s.topic, int(s.partition))
		if err == nil {
			return conn, nil
		}
		last = err
	}
	return nil, fmt.Errorf("dial the leader of %s/%d: %w", s.topic, s.partition, last)
}
