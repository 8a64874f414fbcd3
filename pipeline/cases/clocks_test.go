package cases

import (
	"testing"
)

func TestTheClocksRunOut(t *testing.T) {
	for _, s := range []State{Open, Keying, Second, Held, Arbitration} {
		w := worldIn(t, s)
		if cmd := w.c.DueCommand(w.now); cmd != nil {
			t.Errorf("%s: %T before its time", s, cmd)
		}
		wantCode(t, w.do(supervisorNamed("su"), Expire{}), CodeTooEarly)
		w.now = w.c.SendBy
		if cmd := w.c.DueCommand(w.now); s == Held || s == Arbitration {
			if cmd != nil {
				t.Errorf("%s: %T at the send clock", s, cmd)
			}
		} else {
			w.must(SystemActor(), cmd)
			w.wantState(Arbitration)
		}
		wantCode(t, w.do(SystemActor(), Expire{}), CodeTooEarly)
		w.now = w.c.DropBy
		w.must(SystemActor(), w.c.DueCommand(w.now))
		w.wantState(Expired)
		w.wantFolded()
	}
	w := worldIn(t, Confirmed)
	w.now = w.c.DropBy
	if cmd := w.c.DueCommand(w.now); cmd != nil {
		t.Errorf("a confirmed case: %T", cmd)
	}
}
