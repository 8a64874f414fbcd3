package office

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gvc-brussels/anpr/pipeline/office/access"
	"github.com/gvc-brussels/anpr/pipeline/office/witness"
)

// outsideDesk is a desk with a Merkle log and another witness.
type outsideDesk struct {
	*desk
	merkle merkleWitness
	other  *remembering
	log    *access.Log
}

func newOutsideDesk(t *testing.T) *outsideDesk {
	t.Helper()
	d := &outsideDesk{other: newRemembering()}
	dir := filepath.Join(t.TempDir(), "heads")
	d.desk = newDesk(t, func(c *Config) {
		m, err := witness.Open(t.Context(), dir, c.Keys.Site)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = m.Close(t.Context()) })
		d.merkle = merkleWitness{m, dir, &c.Keys.Site.PublicKey}
		c.Witnesses = []Witness{d.merkle, d.other}
	})
	d.lookups(3)
	d.log, _ = d.office.currentLog()
	d.office.noteHead(t.Context(), d.log.Head())
	return d
}

// forgeCheckpoint replaces the Merkle log's checkpoint by a checkpoint without the site's signature.
func (d *outsideDesk) forgeCheckpoint() {
	d.t.Helper()
	if err := os.WriteFile(filepath.Join(d.merkle.dir, "checkpoint"), []byte("forged\n1\nAAAA\n"), 0o600); err != nil {
		d.t.Fatal(err)
	}
}

// An altered witness shuts no office. Look-ups go on, the gauge is 0 with a new time, and the process log names fault
// and cure.
func TestAWitnessThatWasChangedIsAnAlarmAndShutsNothing(t *testing.T) {
	d := newOutsideDesk(t)
	a, err := d.as(access.Auditor).VerifyAccessLog(t.Context(), VerifyQuery{})
	if err != nil || !a.OK || a.Witnesses < 2 {
		t.Fatalf("got %+v, err %v, want it to hold by two witnesses", a, err)
	}
	d.forgeCheckpoint()
	before := gauge(t, d.desk, "anpr_access_log_verified_timestamp_seconds")
	d.office.verifyNow(t.Context(), d.log)
	if got := gauge(t, d.desk, "anpr_access_log_ok"); got != 0 {
		t.Errorf("anpr_access_log_ok is %v, want 0", got)
	}
	if got := gauge(t, d.desk, "anpr_access_log_verified_timestamp_seconds"); got <= before {
		t.Errorf("verified at %v, want later than %v: the alert needs it", got, before)
	}
	for _, part := range []string{"not signed by the key of this site", "move it aside", d.merkle.dir} {
		if !strings.Contains(d.output.String(), part) {
			t.Errorf("the log of the process has not %q:\n%s", part, d.output)
		}
	}
	if err := d.office.Ready(t.Context()); err != nil {
		t.Errorf("ready says %v", err)
	}
	d.lookups(1)
	if _, err := d.as(access.Auditor).VerifyAccessLog(t.Context(), VerifyQuery{}); status(err) != http.StatusServiceUnavailable {
		t.Errorf("an auditor is told %v, want 503: it cannot be told", err)
	}
}

// An attacker cuts the log and spoils one witness. The other witness finds the first missing entry's number.
func TestAWitnessThatWasChangedHidesNoDamageFromTheOthers(t *testing.T) {
	d := newOutsideDesk(t)
	d.forgeCheckpoint()
	const headBack = "; UPDATE look_up_head SET (seq, entry_sha256) = (SELECT seq, entry_sha256 FROM look_ups ORDER BY seq DESC LIMIT 1)"
	d.attack("DELETE FROM look_up_plates; DELETE FROM asked_plates WHERE seq > 4; DELETE FROM disclosed WHERE seq > 4; DELETE FROM look_ups WHERE seq > 4" + headBack)
	fresh, err := access.OpenLog(t.Context(), d.office.cfg.LookUps, d.keys) // a fresh log does not know the former length
	if err != nil {
		t.Fatal(err)
	}
	if v, _, err := d.office.verifyLog(t.Context(), fresh); err != nil || v.FirstBad != 5 {
		t.Errorf("got %+v, err %v, want entry 5", v, err)
	}
	if err := fresh.DamageReason(); !errors.Is(err, access.ErrDamaged) {
		t.Errorf("the log takes entries: %v", err)
	}
	if out := d.output.String(); !strings.Contains(out, `"first_bad":5`) || !strings.Contains(out, "its end was cut off") {
		t.Errorf("the log of the process does not name the entry:\n%s", out)
	}
}

// Heads signed for another chain, from another database's directory, name the first entry that differs.
func TestTheWitnessOfAnotherDatabaseIsFound(t *testing.T) {
	d := newOutsideDesk(t)
	h := d.log.Head()
	h.Seq, h.Sum = 3, [32]byte{1}
	if err := d.merkle.Note(t.Context(), h); err != nil {
		t.Fatal(err)
	}
	d.office.verifyNow(t.Context(), d.log)
	if err := d.office.Ready(t.Context()); err == nil || !strings.Contains(err.Error(), "entry 3") || !strings.Contains(err.Error(), "noted elsewhere") {
		t.Errorf("ready says %v, want entry 3", err)
	}
}

// An attacker cuts off the newest entries before any witness has a head. The office that wrote the entries hands over
// their head. A verification and a break therefore know the entries, no office starts on the rest, and no number is
// given twice.
func TestTheHeadOfADamagedLogIsWithTheWitnessesAtOnce(t *testing.T) {
	w := newRemembering()
	d := newDesk(t, func(c *Config) { c.Witnesses, c.ReopenEvery = []Witness{w}, 10*time.Millisecond })
	d.lookups(4)
	l, _ := d.office.currentLog()
	last := l.Head()
	const headBack = "; UPDATE look_up_head SET (seq, entry_sha256) = (SELECT seq, entry_sha256 FROM look_ups ORDER BY seq DESC LIMIT 1)"
	d.attack("DELETE FROM look_up_plates; DELETE FROM asked_plates WHERE seq > 5; DELETE FROM disclosed WHERE seq > 5; DELETE FROM look_ups WHERE seq > 5" + headBack)
	if _, err := d.as(access.ZoneOfficer).Search(t.Context(), SearchQuery{Justification: judicial(), Plate: "1ABC123"}); status(err) != http.StatusServiceUnavailable {
		t.Fatalf("a look-up on a log that was cut: %v, want 503", err)
	}
	var heads []access.Head
	eventually(t, "the witness has the newest entry", func() error {
		heads, _ = w.Heads(t.Context())
		if !slices.Contains(heads, last) {
			return fmt.Errorf("it has %v", heads)
		}
		return nil
	})
	key := &d.keys.Site.PublicKey
	if v, err := access.VerifyStore(t.Context(), d.office.cfg.LookUps, key, heads...); err != nil || v.FirstBad != 6 {
		t.Errorf("got %+v, err %v, want entry 6", v, err)
	}
	life, end := context.WithCancel(context.WithoutCancel(t.Context()))
	o, err := New(life, d.office.cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { end(); o.Wait() }()
	if err := o.Ready(t.Context()); err == nil || !strings.Contains(err.Error(), "entry 6 is missing") {
		t.Errorf("an office that starts: ready says %v, want entry 6", err)
	}
	d.closeSegment(heads...)
	eventually(t, "the office opens after the break", func() error { return d.office.Ready(t.Context()) })
	if h, err := d.office.cfg.LookUps.Head(t.Context()); err != nil || h.Seq <= last.Seq {
		t.Errorf("the log goes on with entry %d, err %v, want one after %d", h.Seq, err, last.Seq)
	}
	d.lookups(1)
}
