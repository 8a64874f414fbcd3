package recovery

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"github.com/segmentio/kafka-go"
	"google.golang.org/protobuf/proto"

	"github.com/gvc-brussels/anpr/pipeline/platform"
	"github.com/gvc-brussels/anpr/pipeline/platform/embedded"
	"github.com/gvc-brussels/anpr/schemas"
	"github.com/gvc-brussels/anpr/schemas/proto/anprv1"
)

var errBad = errors.New("would be rejected again")

// log returns a redrive onto a log in memory, and the records on the log.
func log() (*Redrive, *[]string) {
	var sent []string
	known := map[schemas.ReadID]bool{}
	return &Redrive{
		Check: func(b []byte) (RecordRead, error) {
			if string(b) == "bad" {
				return RecordRead{}, errBad
			}
			return RecordRead{ID: schemas.NewReadID(&schemas.Read{Camera: "c", EventID: string(b)})}, nil
		},
		Known: func(context.Context, []Outgoing) (map[schemas.ReadID]bool, error) { return known, nil },
		Send: func(_ context.Context, out []Outgoing) error {
			for _, o := range out {
				sent = append(sent, string(o.Value))
				known[o.ID] = true
			}
			return nil
		},
	}, &sent
}

func letter(offset int64, record string) DeadLetter {
	return DeadLetter{LogPosition: LogPosition{"t", 0, offset}, Record: []byte(record), Size: uint64(len(record))}
}

func TestEveryLetterIsAccountedForAndSentOnce(t *testing.T) {
	letters := map[LogPosition]DeadLetter{}
	var wanted []LogPosition
	for i, l := range []DeadLetter{letter(7, "b"), letter(3, "a"), letter(9, "a"), letter(4, "bad"), letter(5, "upload"), letter(6, "cut"), letter(8, "gone")} {
		switch string(l.Record) {
		case "upload":
			l.Upload = true
		case "cut":
			l.Size++
		}
		wanted = append(wanted, l.LogPosition)
		if i < 6 {
			letters[l.LogPosition] = l
		}
	}
	r, sent := log()
	want := RedriveOutcome{Wanted: 7, Sent: 2, Twice: 1, Uploads: 1, Cut: 1, Bad: 1, Missing: 1}
	if got, err := r.Run(t.Context(), wanted, letters, false); err != nil || got != want || len(*sent) != 0 {
		t.Errorf("dry run: %+v %v, sent %v; want %+v and nothing sent", got, err, *sent, want)
	}
	if got, err := r.Run(t.Context(), wanted, letters, true); err != nil || got != want || fmt.Sprint(*sent) != "[a b]" {
		t.Errorf("got %+v %v, sent %v; want %+v and [a b], the earlier position first", got, err, *sent, want)
	}
	want = RedriveOutcome{Wanted: 7, Known: 3, Uploads: 1, Cut: 1, Bad: 1, Missing: 1}
	if got, err := r.Run(t.Context(), wanted, letters, true); err != nil || got != want || len(*sent) != 2 {
		t.Errorf("again: %+v %v, sent %v; want %+v and nothing more sent", got, err, *sent, want)
	}
}

func TestABrokenReplayGoesOnWhereItStopped(t *testing.T) {
	letters := map[LogPosition]DeadLetter{}
	var wanted []LogPosition
	for i := range int64(1200) {
		l := letter(i, fmt.Sprint(i))
		letters[l.LogPosition], wanted = l, append(wanted, l.LogPosition)
	}
	r, sent := log()
	send, calls := r.Send, 0
	r.Send = func(ctx context.Context, out []Outgoing) error {
		if calls++; calls == 2 {
			return io.ErrUnexpectedEOF
		}
		return send(ctx, out)
	}
	if got, err := r.Run(t.Context(), wanted, letters, true); err == nil || got.Sent != 500 {
		t.Fatalf("%+v %v, want an error after 500", got, err)
	}
	if got, err := r.Run(t.Context(), wanted, letters, true); err != nil || got.Sent != 700 || got.Known != 500 || len(*sent) != 1200 {
		t.Errorf("%+v %v, %d sent in all; want the other 700", got, err, len(*sent))
	}
}

func TestCollectFindsLettersOfAllSizesOnTheTopic(t *testing.T) {
	b, err := embedded.StartBroker(embedded.BrokerConfig{DataDir: t.TempDir(), Topics: map[string]int{schemas.TopicRejects: 2}, Logger: zerolog.Nop()})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = b.Close() }()
	client := &kafka.Client{Addr: kafka.TCP(b.Addr()), Timeout: 20 * time.Second}
	var wanted []LogPosition
	for i := range int64(300) {
		size := 10 + i*i*10 // up to 900 kB
		value, err := proto.Marshal(&anprv1.Reject{Topic: "t", Partition: 1, Offset: i, Reason: "malformed", Payload: make([]byte, size), PayloadSize: uint64(size), Upload: i%7 == 0})
		if err != nil {
			t.Fatal(err)
		}
		resp, err := client.Produce(t.Context(), &kafka.ProduceRequest{
			Topic: schemas.TopicRejects, Partition: int(i % 2), RequiredAcks: kafka.RequireAll,
			Records: kafka.NewRecordReader(kafka.Record{Time: time.Now(), Value: kafka.NewBytes(value)}),
		})
		if err != nil || resp.Error != nil {
			t.Fatal(err, resp)
		}
		if i%3 == 0 {
			wanted = append(wanted, LogPosition{"t", 1, i})
		}
	}
	wanted = append(wanted, LogPosition{"t", 0, 0}, LogPosition{"u", 1, 3})
	got, err := CollectLetters(t.Context(), platform.Kafka{Addr: b.Addr()}.NewAdmin("test"), wanted)
	if err != nil || len(got) != 100 {
		t.Fatalf("%d letters, %v; want 100", len(got), err)
	}
	for p, l := range got {
		if want := 10 + p.Offset*p.Offset*10; int64(len(l.Record)) != want || l.Size != uint64(want) || l.Upload != (p.Offset%7 == 0) || l.Reason != "malformed" {
			t.Errorf("%+v: %d bytes, size %d, upload %v", p, len(l.Record), l.Size, l.Upload)
		}
	}
}
