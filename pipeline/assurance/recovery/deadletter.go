package recovery

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/gvc-brussels/anpr/schemas"
)

// LogPosition is the place of the rejected record.
type LogPosition struct {
	Topic     string
	Partition int32
	Offset    int64
}

// DeadLetter is a record of the dead-letter topic.
type DeadLetter struct {
	LogPosition
	Reason string
	Record []byte // the original bytes
	Size   uint64 // bytes of the whole record; larger than Record when Record was cut
	Upload bool   // Record holds an upload that the gateway refused, not the bytes of a log record
}

// RecordRead holds the fields that sending a record needs.
type RecordRead struct {
	ID        schemas.ReadID
	Captured  schemas.Micros
	Key       []byte
	Partition int
	Camera    string
	Received  time.Time
}

// Outgoing is a record to produce.
type Outgoing struct {
	RecordRead
	Value []byte
}

// Redrive holds the functions that check, look up and send records. All are required.
type Redrive struct {
	// Check decodes a record as the pipeline does. The error is the reason why the record would be rejected again.
	Check func(record []byte) (RecordRead, error)
	// Known returns the reads that are already stored or merged.
	Known func(ctx context.Context, reads []Outgoing) (map[schemas.ReadID]bool, error)
	// Send returns when the broker has all records.
	Send func(ctx context.Context, records []Outgoing) error
}

// RedriveOutcome counts the letters of a redrive by outcome. Wanted is the sum of all others.
type RedriveOutcome struct {
	Wanted  int `json:"wanted"`
	Sent    int `json:"sent"`
	Known   int `json:"known"`   // stored or merged already: an earlier redrive, or the camera sent the read again
	Twice   int `json:"twice"`   // the same read among these letters
	Uploads int `json:"uploads"` // refused by the gateway: the camera must send the upload again
	Cut     int `json:"cut"`     // larger than the dead-letter topic takes; the original may still be on the log
	Bad     int `json:"bad"`     // would be rejected again
	Missing int `json:"missing"` // no longer in the dead-letter topic
}

// Print writes the outcome for people; of a dry run nothing was sent.
func (o RedriveOutcome) Print(w io.Writer, dryRun bool) error {
	verb := "sent again"
	if dryRun {
		verb = "would be sent again"
	}
	_, err := fmt.Fprintf(w, "%d dead letters: %d %s; left out: %d stored already, %d twice among these, %d uploads that the gateway refused (the camera must send them),\n"+
		"%d cut because of their size, %d that would be rejected again, %d no longer in %s\n",
		o.Wanted, o.Sent, verb, o.Known, o.Twice, o.Uploads, o.Cut, o.Bad, o.Missing, schemas.TopicRejects)
	return err
}

// Run sends the wanted letters again, by position in order, and reports the outcome. Without send, Run only
// reports the intended outcome.
func (r *Redrive) Run(ctx context.Context, wanted []LogPosition, letters map[LogPosition]DeadLetter, send bool) (RedriveOutcome, error) {
	out := RedriveOutcome{Wanted: len(wanted)}
	wanted = slices.Clone(wanted)
	slices.SortFunc(wanted, func(a, b LogPosition) int {
		return cmp.Or(cmp.Compare(a.Topic, b.Topic), cmp.Compare(a.Partition, b.Partition), cmp.Compare(a.Offset, b.Offset))
	})
	var fit []Outgoing
	for _, p := range wanted {
		l, ok := letters[p]
		switch {
		case !ok:
			out.Missing++
		case l.Upload:
			out.Uploads++
		case l.Size > uint64(len(l.Record)):
			out.Cut++
		default:
			read, err := r.Check(l.Record)
			if err != nil {
				out.Bad++
				continue
			}
			fit = append(fit, Outgoing{read, l.Record})
		}
	}
	known, err := r.Known(ctx, fit)
	if err != nil {
		return out, fmt.Errorf("look for what is stored already: %w", err)
	}
	seen := map[schemas.ReadID]bool{}
	fit = slices.DeleteFunc(fit, func(o Outgoing) bool {
		switch {
		case known[o.ID]:
			out.Known++
		case seen[o.ID]:
			out.Twice++
		default:
			seen[o.ID] = true
			return false
		}
		return true
	})
	if send {
		for part := range slices.Chunk(fit, 500) {
			if err := r.Send(ctx, part); err != nil {
				return out, fmt.Errorf("%d of %d records are sent; run it again, it goes on where it stopped: %w", out.Sent, len(fit), err)
			}
			out.Sent += len(part)
		}
		return out, nil
	}
	out.Sent = len(fit)
	return out, nil
}
