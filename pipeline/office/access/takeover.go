package access

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
)

// takeTogether is how many old entries one transaction takes over.
const takeTogether = 5000

// imported is the body of an imported entry, and of the entry that ends the import.
type imported struct {
	Seq    uint64           `json:"old_seq,omitempty"`
	Sum    string           `json:"old_sha256,omitempty"`
	Found  *OldVerification `json:"found,omitempty"`
	Before string           `json:"from,omitempty"`
}

var errTaken = errors.New("another office takes the old log over")

// TakeOver copies the old log's entries into an empty log, oldest first, each with its own time, old number and old
// hash. The last entry is of [KindImport] and keeps the old log's head. A damaged old log is copied as it is, and the
// last entry names the first bad entry.
//
// TakeOver does nothing when the log has other entries, and continues an interrupted import. So offices may start at
// once. The old log stays unchanged. done is the old log's verification, nil when nothing was copied.
func (l *Log) TakeOver(ctx context.Context, old OldLog) (done *OldVerification, err error) {
	for {
		from, head, open, err := l.findImportStart(ctx)
		if err != nil || !open {
			return nil, err
		}
		found, err := VerifyOld(ctx, old)
		if err != nil || found.Entries == 0 {
			return nil, err
		}
		switch err := l.takeOverRest(ctx, old, from, head, found); {
		case errors.Is(err, errTaken):
			continue // looks again at the other office's progress
		case err != nil:
			return nil, err
		}
		return &found, nil
	}
}

// findImportStart returns the first old entry to import, the log's head before it, and whether there is anything to import.
func (l *Log) findImportStart(ctx context.Context) (from uint64, head Head, open bool, err error) {
	head, err = l.store.Head(ctx)
	if err != nil || head.Seq == 0 {
		return 1, head, err == nil, err
	}
	err = l.store.Scan(ctx, head.Seq, func(e *Entry) error {
		var b imported
		if e.Kind == KindAsked && e.Seq == head.Seq && json.Unmarshal([]byte(e.Body), &b) == nil && b.Seq > 0 {
			from, open = b.Seq+1, true
		}
		return nil
	})
	return from, head, open, err
}

// takeOverRest imports the rest of the old log.
func (l *Log) takeOverRest(ctx context.Context, old OldLog, from uint64, head Head, found OldVerification) error {
	key, err := l.plateKey(ctx)
	if err != nil {
		return err
	}
	var batch []*Entry
	flush := func() error {
		err := l.store.Append(ctx, batch, func(end End) error {
			if end.Head != head {
				return errTaken
			}
			l.sealEntries(end, batch)
			return nil
		})
		if err == nil && len(batch) > 0 {
			head = batch[len(batch)-1].makeHead()
		}
		batch = nil
		return err
	}
	err = old.ScanOld(ctx, from, func(o *OldEntry) error {
		if o.Seq > found.Last {
			return errStop
		}
		e, err := o.makeEntry(key)
		if err != nil {
			return err
		}
		batch = append(batch, &e)
		if len(batch) == takeTogether {
			return flush()
		}
		return nil
	})
	if err != nil && !errors.Is(err, errStop) {
		return fmt.Errorf("take over the old access log: %w", err)
	}
	body, err := json.Marshal(imported{Found: &found, Before: "access_log of ClickHouse"})
	if err != nil {
		return err
	}
	batch = append(batch, &Entry{Kind: KindImport, Operation: "import", Body: string(body)})
	if err := flush(); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.head = head
	return nil
}

// makeEntry makes the new entry for an old one.
func (e *OldEntry) makeEntry(key *PlateKey) (Entry, error) {
	body, err := json.Marshal(imported{Seq: e.Seq, Sum: fmt.Sprintf("%x", e.Sum)})
	if err != nil {
		return Entry{}, err
	}
	ask := Request{
		Route: Route(e.Action), Purpose: Purpose(e.Purpose), Reason: e.Reason, CaseRef: e.CaseRef, ProsecutorRef: e.ProsecutorRef, Query: e.Query,
	}
	var q struct {
		Plate string `json:"plate"`
	}
	if json.Unmarshal([]byte(e.Query), &q) == nil && q.Plate != "" {
		ask.Plates = []string{q.Plate}
	}
	out := newAsked(&User{Name: e.User, Role: Role(e.Role)}, &ask, key)
	out.At, out.Zones, out.Outcome, out.Refusal, out.Body = e.At, e.Zone, e.Outcome, e.Refusal, string(body)
	return out, nil
}
