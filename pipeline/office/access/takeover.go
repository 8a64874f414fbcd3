package access

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
)

// takeTogether is how many old entries one transaction takes over.
const takeTogether = 5000

// imported is the body of an entry that was taken over, and of the one that ends the import.
type imported struct {
	Seq    uint64           `json:"old_seq,omitempty"`
	Sum    string           `json:"old_sha256,omitempty"`
	Found  *OldVerification `json:"found,omitempty"`
	Before string           `json:"from,omitempty"`
}

var errTaken = errors.New("another office takes the old log over")

// TakeOver takes the entries of the old log over into an empty one, oldest first, each with its own time, old number and old hash; its last
// entry is of [KindImport] and keeps the old log's head. An old log that does not hold is taken over as it is, and the last entry says from
// which entry on. It does nothing when the log has entries of its own, and goes on where one that was interrupted stopped, so offices may
// start at once. The old log is not changed. done tells what was found when something was taken over.
func (l *Log) TakeOver(ctx context.Context, old OldLog) (done *OldVerification, err error) {
	for {
		from, head, open, err := l.takeFrom(ctx)
		if err != nil || !open {
			return nil, err
		}
		found, err := VerifyOld(ctx, old)
		if err != nil || found.Entries == 0 {
			return nil, err
		}
		switch err := l.take(ctx, old, from, head, found); {
		case errors.Is(err, errTaken):
			continue // it looks again where the other is
		case err != nil:
			return nil, err
		}
		return &found, nil
	}
}

// takeFrom says at which old entry an import begins or goes on, after which entry of the log, and whether there is one to do.
func (l *Log) takeFrom(ctx context.Context) (from uint64, head Head, open bool, err error) {
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

// take takes over what is left of the old log.
func (l *Log) take(ctx context.Context, old OldLog, from uint64, head Head, found OldVerification) error {
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
			l.seal(end, batch)
			return nil
		})
		if err == nil && len(batch) > 0 {
			head = batch[len(batch)-1].head()
		}
		batch = nil
		return err
	}
	err = old.ScanOld(ctx, from, func(o *OldEntry) error {
		if o.Seq > found.Last {
			return errStop
		}
		e, err := o.entry(key)
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

// entry makes the new entry of an old one.
func (e *OldEntry) entry(key *PlateKey) (Entry, error) {
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
