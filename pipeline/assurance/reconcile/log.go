package reconcile

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/segmentio/kafka-go"

	"github.com/gvc-brussels/anpr/pipeline/platform"
)

// slack is the longest delay from receipt to the log: an upload of a minute, a repeated produce. The search for a time
// range may miss a record with a longer delay.
const slack = 5 * time.Minute

// Commit is a consumer group's commit for a partition.
type Commit = platform.GroupCommit

// KafkaLog asks a Kafka for records, offsets and commits. KafkaLog joins no group and writes nothing.
type KafkaLog struct {
	*platform.Admin
	brokers []string
	dialer  *kafka.Dialer
}

// NewLog makes a KafkaLog on the brokers, without connecting yet.
func NewLog(k platform.Kafka) *KafkaLog {
	const id = "anpr-reconcile"
	return &KafkaLog{k.NewAdmin(id), k.Brokers(), &kafka.Dialer{Timeout: 5 * time.Second, DualStack: true, ClientID: id, DialFunc: k.Dialer()}}
}

// LogRecord is a record of a log. The bytes are valid during the visit.
type LogRecord struct {
	Offset     int64
	Time       time.Time
	Key, Value []byte
}

// offsetRange is a part of a partition: the offsets [from, to).
type offsetRange struct {
	topic     string
	partition int32
	from, to  int64
}

// readRange visits the records of a range in order, and skips offsets without a record (compaction, transaction
// markers). to must not be beyond the end of the log.
func (l *KafkaLog) readRange(ctx context.Context, s offsetRange, visit func(*LogRecord) error) error {
	if s.from >= s.to {
		return nil
	}
	conn, err := l.dialPartition(ctx, s)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	if _, err := conn.Seek(s.from, kafka.SeekAbsolute|kafka.SeekDontCheck); err != nil {
		return fmt.Errorf("read %s/%d: seek to %d: %w", s.topic, s.partition, s.from, err)
	}
	next, idle := s.from, 0
	for next < s.to && idle < 5 { // a range may end with offsets without a record
		before := next
		if next, err = fetchOnce(conn, s, next, visit); err != nil {
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

// fetchOnce visits the records of a single request and returns the next offset.
func fetchOnce(conn *kafka.Conn, s offsetRange, next int64, visit func(*LogRecord) error) (int64, error) {
	if err := conn.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
		return next, err
	}
	batch := conn.ReadBatchWith(kafka.ReadBatchConfig{MinBytes: 1, MaxBytes: 8 << 20, MaxWait: 250 * time.Millisecond})
	var visited error
	for visited == nil && next < s.to { // records further on in the same answer may be unreadable
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
		visited = visit(&LogRecord{m.Offset, m.Time, m.Key, m.Value})
	}
	return next, errors.Join(visited, ignoreEnd(batch.Close()))
}

// ignoreEnd drops the error of closing an empty batch or a batch read in part.
func ignoreEnd(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, kafka.RequestTimedOut) {
		return nil
	}
	return err
}

func (l *KafkaLog) dialPartition(ctx context.Context, s offsetRange) (*kafka.Conn, error) {
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
