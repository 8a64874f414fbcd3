package access

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"slices"

	"github.com/gvc-brussels/anpr/schemas"
)

// Scanner gives the entries of a log in order: a [EntryStore], or an exported file.
type Scanner interface {
	Scan(ctx context.Context, from uint64, each func(*Entry) error) error
}

// Verification is the result of verifying a log.
type Verification struct {
	Entries  uint64 // good entries, in all segments
	Head     Head   // newest good entry
	FirstBad uint64 // first bad entry that no break closed; 0 = none
	Problem  string // says why FirstBad is bad
	// Segments are the log's parts between breaks, in order. A log without a break has one.
	Segments []Segment

	changed []Changed // changed after their break, and covered by no later one
}

// Segment is a part of the log that begins with the first entry or with a break.
type Segment struct {
	First, Last uint64
	FirstBad    uint64 // 0 = the segment holds
	Problem     string
	Closed      *Break // closing break; nil = newest segment

	digest  schemas.Sum // over the whole segment as found
	closing uint64      // number of the closing break, when the segment changed since
}

// OK reports whether every entry is good, except in damaged segments that two persons closed.
func (v *Verification) OK() bool { return v.FirstBad == 0 }

// verifier walks through a log.
type verifier struct {
	key    *PublicKey // nil = signatures are not checked
	noted  map[uint64]Head
	v      Verification
	at     Segment
	digest hash.Hash
	prev   schemas.Sum
	next   uint64
	good   uint64 // good entries in the segment
	head   Head   // newest good entry
	signed bool   // the newest entry has a valid signature
	many   bool   // the log has an entry
}

// VerifyStore recomputes a log's chain from the first entry. witnesses are heads noted earlier and elsewhere; each must
// still be in the chain. key checks the signatures; nil checks none. The error is about reading the log; beside an error
// the verification is empty, even when segments were read whole.
func VerifyStore(ctx context.Context, log Scanner, key *PublicKey, witnesses ...Head) (Verification, error) {
	w := &verifier{key: key, noted: map[uint64]Head{}, digest: sha256.New(), next: 1}
	for _, h := range witnesses {
		if old, ok := w.noted[h.Seq]; ok && old != h {
			w.noteFault(h.Seq, "two noted heads of this number differ")
		}
		if h.Seq > 0 {
			w.noted[h.Seq] = h
		}
	}
	if err := log.Scan(ctx, 1, func(e *Entry) error { w.checkEntry(e); return nil }); err != nil {
		return Verification{}, fmt.Errorf("read the look-up log: %w", err)
	}
	if w.at.FirstBad == 0 && key != nil && w.many && !w.signed {
		if err := w.findUnsigned(ctx, log); err != nil {
			return Verification{}, err
		}
	}
	w.endSegment(nil)
	return w.v, nil
}

// noteFault stores the segment's first fault.
func (w *verifier) noteFault(seq uint64, format string, args ...any) {
	seq = max(seq, 1) // a number below 1, which no entry has, counts as the first entry
	if w.at.FirstBad == 0 || seq < w.at.FirstBad {
		w.at.FirstBad, w.at.Problem = seq, fmt.Sprintf(format, args...)
	}
}

func (w *verifier) checkEntry(e *Entry) {
	if e.Kind == KindBreak && e.Unreadable == "" {
		if br := w.readBreak(e); br != nil {
			w.endSegment(br)
			w.beginSegment(e)
			return
		}
	}
	if !w.many {
		w.at.First = e.Seq
	}
	w.many = true
	w.at.Last = max(w.at.Last, e.Seq)
	encoded := e.encodeContent()
	sum := schemas.Sum(sha256.Sum256(encoded))
	w.addToDigest(e, encoded)
	w.signed = w.key != nil && len(e.Signature) > 0 && w.key.hasSigned(e.Sum, e.Signature)
	if w.at.FirstBad != 0 && w.at.FirstBad <= e.Seq {
		return // nothing after a segment's first bad entry is proven
	}
	switch {
	case e.Unreadable != "":
		w.noteFault(e.Seq, "no office wrote it: %s", e.Unreadable)
	case e.Seq < w.next:
		w.noteFault(e.Seq, "there are two entries of this number")
	case e.Seq > w.next:
		w.noteFault(w.next, "the entry is missing; the next has number %d", e.Seq)
	case e.Prev != w.prev:
		w.noteFault(e.Seq, "it does not continue the entry before it")
	case sum != e.Sum:
		w.noteFault(e.Seq, "its content does not have its hash")
	case !e.marksHold():
		w.noteFault(e.Seq, "the plates noted for it are not those it had")
	case w.differsFromNoted(e):
		w.noteFault(e.Seq, "its hash is not the one noted elsewhere: the chain was written anew")
	default:
		w.next, w.prev, w.head = e.Seq+1, e.Sum, e.makeHead()
		w.good++
	}
}

// differsFromNoted reports whether a witness noted another hash for the entry.
func (w *verifier) differsFromNoted(e *Entry) bool {
	n, ok := w.noted[e.Seq]
	return ok && n.Sum != e.Sum
}

// addToDigest adds the entry as found to the segment's hash.
func (w *verifier) addToDigest(e *Entry, encoded []byte) {
	fields := [][]byte{encoded, e.Sum[:], e.Signature}
	if e.Unreadable != "" {
		fields = append(fields, []byte(e.Unreadable))
	}
	for _, b := range fields {
		_, _ = w.digest.Write(appendText(nil, string(b)))
	}
	for i := range e.Marks {
		_, _ = w.digest.Write(e.Marks[i][:])
	}
}

// readBreak returns an entry's break, or nil when the entry is no valid break by the site.
func (w *verifier) readBreak(e *Entry) *Break {
	br := new(Break)
	if e.computeSum() != e.Sum || w.key != nil && !w.key.hasSigned(e.Sum, e.Signature) || json.Unmarshal([]byte(e.Body), br) != nil {
		return nil
	}
	if e.Seq <= w.at.Last || e.Seq <= br.Witnessed {
		return nil
	}
	w.coverChanges(e.Seq, br)
	if digest := w.digest.Sum(nil); e.Prev != schemas.Sum(digest) {
		w.noteChange(e.Seq, br, digest)
	}
	return br
}

// noteChange records that the segment differs from the one that the break closed.
func (w *verifier) noteChange(closing uint64, br *Break, digest []byte) {
	problem := fmt.Sprintf("the segment was changed after entry %d had closed it", closing)
	if w.at.FirstBad != 0 {
		problem += fmt.Sprintf(" (entry %d: %s)", w.at.FirstBad, w.at.Problem)
	}
	first := closing
	for _, seq := range []uint64{w.at.FirstBad, br.FirstBad} {
		if seq != 0 {
			first = min(first, seq)
		}
	}
	w.at.FirstBad, w.at.Problem, w.at.closing = first, problem, closing
	w.v.changed = append(w.v.changed, Changed{closing, first, problem, hex.EncodeToString(digest)})
}

// coverChanges drops the changed segments that the break found in their present state.
func (w *verifier) coverChanges(seq uint64, br *Break) {
	w.v.changed = slices.DeleteFunc(w.v.changed, func(c Changed) bool {
		if !slices.ContainsFunc(br.Earlier, func(e Changed) bool { return e.Closing == c.Closing && e.SHA256 == c.SHA256 }) {
			return false
		}
		for i := range w.v.Segments {
			if s := &w.v.Segments[i]; s.closing == c.Closing {
				s.Closed = br
				s.Problem += fmt.Sprintf("; entry %d covers the change", seq)
			}
		}
		return true
	})
}

// firstOf returns the smaller number above 0, with its text.
func firstOf(a uint64, aText string, b uint64, bText string) (uint64, string) {
	if a != 0 && (b == 0 || a <= b) {
		return a, aText
	}
	return b, bText
}

// beginSegment starts a break's segment.
func (w *verifier) beginSegment(e *Entry) {
	w.at, w.digest = Segment{First: e.Seq, Last: e.Seq}, sha256.New()
	w.addToDigest(e, e.encodeContent())
	w.prev, w.next, w.good, w.head = e.Sum, e.Seq+1, 1, e.makeHead()
	w.signed = true
	if w.differsFromNoted(e) {
		w.noteFault(e.Seq, "its hash is not the one noted elsewhere: the chain was written anew")
	}
}

// endSegment closes the segment: with a break, or as the newest one.
func (w *verifier) endSegment(br *Break) {
	if br != nil && w.at.FirstBad == 0 {
		w.at.FirstBad, w.at.Problem = br.FirstBad, br.Problem // witnesses at the time showed this fault
	}
	w.at.Closed = br
	w.at.digest = schemas.Sum(w.digest.Sum(nil))
	if br == nil {
		for _, seq := range w.notedAfter(w.at.Last) {
			w.noteFault(w.head.Seq+1, "the log ends before entry %d, which was noted: its end was cut off", seq)
		}
		w.v.FirstBad, w.v.Problem = w.at.FirstBad, w.at.Problem
		for _, c := range w.v.changed {
			w.v.FirstBad, w.v.Problem = firstOf(c.FirstBad, c.Problem, w.v.FirstBad, w.v.Problem)
		}
	}
	w.v.Segments = append(w.v.Segments, w.at)
	w.v.Entries += w.good
	if w.head.Seq > 0 {
		w.v.Head = w.head
	}
}

func (w *verifier) notedAfter(last uint64) (out []uint64) {
	for seq := range w.noted {
		if seq > last {
			out = append(out, seq)
		}
	}
	slices.Sort(out)
	return out
}

var errFound = errors.New("found")

// findUnsigned marks the first entry in the newest segment that no signature by the site covers.
func (w *verifier) findUnsigned(ctx context.Context, log Scanner) error {
	covered := w.at.First
	err := log.Scan(ctx, w.at.First, func(e *Entry) error {
		switch {
		case len(e.Signature) == 0:
		case !w.key.hasSigned(e.Sum, e.Signature):
			return errFound
		default:
			covered = e.Seq + 1
		}
		return nil
	})
	if err != nil && !errors.Is(err, errFound) {
		return fmt.Errorf("read the look-up log: %w", err)
	}
	w.noteFault(covered, "it is not signed by the key of this site: no office wrote it")
	return nil
}

// Verify verifies an office's log against the given heads and two more: the newest head that this log knows, and the
// store's.
func (l *Log) Verify(ctx context.Context, witnesses ...Head) (Verification, error) {
	own := l.Head() // read before the scan, so that entries added during the scan do not count as missing
	head, err := l.store.Head(ctx)
	if err != nil {
		return Verification{}, fmt.Errorf("read the head of the look-up log: %w", err)
	}
	return VerifyStore(ctx, l.store, &l.keys.Site.PublicKey, append(slices.Clone(witnesses), own, head)...)
}
