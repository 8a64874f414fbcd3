package access

import (
	"context"
	"errors"
	"fmt"
)

// Verification is what [Log.Verify] found.
type Verification struct {
	Entries  uint64 // that hold, from the first
	Head     Head   // of those
	FirstBad uint64 // number of the first entry that does not hold; 0 = all hold
	Problem  string // what is wrong with it
}

// OK reports whether every entry holds.
func (v *Verification) OK() bool { return v.FirstBad == 0 }

var errBad = errors.New("chain broken")

// Verify recomputes the chain from entry 1 to the newest this process wrote and names the first entry that does not hold.
// witnesses are heads noted earlier and elsewhere; each must still be in the chain. The error is about reading the table.
func (l *Log) Verify(ctx context.Context, witnesses ...Head) (Verification, error) {
	end := l.Head() // before the scan: entries added during it are checked when they are found, and not missed
	return VerifyStore(ctx, l.store, append(witnesses, end)...)
}

// VerifyStore is [Log.Verify] without an office: it works on a log that no office opens. It cannot see that the end was cut, but by a witness.
func VerifyStore(ctx context.Context, store Store, witnesses ...Head) (Verification, error) {
	var v Verification
	bad := func(seq uint64, format string, args ...any) error {
		v.FirstBad, v.Problem = seq, fmt.Sprintf(format, args...)
		return errBad
	}
	noted := map[uint64]Head{}
	for _, w := range witnesses {
		if old, ok := noted[w.Seq]; ok && old != w {
			_ = bad(w.Seq, "two noted heads of this number differ")
			return v, nil
		}
		noted[w.Seq] = w
	}
	err := store.Scan(ctx, 1, func(e *Entry) error {
		want := v.Head.Seq + 1
		switch {
		case e.Seq < want:
			return bad(e.Seq, "there are two entries of this number")
		case e.Seq > want:
			return bad(want, "the entry is missing; the next has number %d", e.Seq)
		case e.Prev != v.Head.Sum:
			return bad(e.Seq, "it does not continue the entry before it")
		case e.hash() != e.Sum:
			return bad(e.Seq, "its content does not have its hash")
		}
		if w, ok := noted[e.Seq]; ok && w.Sum != e.Sum {
			return bad(e.Seq, "its hash is not the one noted elsewhere: the chain was written anew")
		}
		v.Entries, v.Head = e.Seq, Head{e.Seq, e.Sum}
		return nil
	})
	switch {
	case errors.Is(err, errBad):
		return v, nil // what is bad is in v
	case err != nil:
		return v, fmt.Errorf("read access log: %w", err)
	}
	for seq := range noted {
		if seq > v.Head.Seq {
			_ = bad(v.Head.Seq+1, "the log ends before entry %d, which was noted: its end was cut", seq)
		}
	}
	return v, nil
}
