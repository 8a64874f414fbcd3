package replay_test

import (
	"strings"
	"testing"

	"github.com/gvc-brussels/anpr/pipeline/assurance/replay"
	"github.com/gvc-brussels/anpr/rules"
	"github.com/gvc-brussels/anpr/schemas"
)

func (w *world) replay(t *testing.T, cat *rules.Catalogue, change func(*replay.Config)) *replay.Comparison {
	t.Helper()
	cfg := &replay.Config{Dial: w.dial, Engine: rules.NewEngine(cat, w.registry.Cameras()), Registry: w.registry, From: w.from, To: w.to, Workers: 2, Examples: 6}
	if change != nil {
		change(cfg)
	}
	rep, err := replay.Run(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	return rep
}

// TestReplays runs the pipeline once and replays the stored passages under several versions.
func TestReplays(t *testing.T) {
	w := fill(t)
	if n := w.number(t, "SELECT count() FROM passages WHERE variants > 1 AND NOT parked"); n == 0 {
		t.Fatal("no passage names two plates: the second pass is not tested")
	}
	if n := w.number(t, "SELECT count() FROM decisions WHERE outcome = 'duplicate'"); n == 0 {
		t.Fatal("no offence of the day was repeated: the order of the claims is not tested")
	}
	t.Run("TheSameVersionsGiveTheSameOffences", w.same)
	t.Run("EachOffenceDecidedAloneIsTheStoredOne", func(t *testing.T) { w.single(t, "1", 30) })
	t.Run("AReadingOfPersonsReplacesTheCameras", w.keyed)
	t.Run("AnotherAmountChangesEveryFine", w.amount)
	t.Run("ASmallerMarginMakesOffences", w.margin)
	t.Run("AStoredOffenceThatDoesNotFollowIsFound", w.planted)
	t.Run("HalfADayIsRefused", w.refused)
	t.Run("WhatIsGoneIsSaidToBeGone", w.gone)
}

func (w *world) same(t *testing.T) {
	var done, of uint64
	rep := w.replay(t, catalogue(t, nil), func(c *replay.Config) {
		c.Workers = 1
		c.Progress = func(d, o uint64) { done, of = d, o }
	})
	if len(rep.Rules) != 2 || !rep.IsSame() || len(rep.Examples) != 0 {
		t.Errorf("got %+v and examples %+v, want both rules and no difference", rep.Rules, rep.Examples)
	}
	for _, r := range rep.Rules {
		// fresh offences of the zone are all held
		if r.Same < 10 || r.Same != r.Stored || r.Same != r.Replayed || r.StoredCents != r.ReplayedCents || r.StoredCents == 0 && r.Rule == string(rules.RuleSpeed) {
			t.Errorf("got %+v, want at least 10 offences, all the same", r)
		}
	}
	for _, v := range rep.Verdicts {
		if v.Stored != v.Replayed {
			t.Errorf("%s %s: %d stored, %d replayed", v.Rule, v.Outcome, v.Stored, v.Replayed)
		}
	}
	if want := w.number(t, "SELECT uniqExact(passage_id) FROM passages WHERE NOT parked"); rep.Passages != want || rep.NoReads != 0 || rep.CameraGone != 0 {
		t.Errorf("got %+v, want %d passages", rep.InputCounts, want)
	}
	if of == 0 || done != of {
		t.Errorf("progress said %d of %d last", done, of)
	}
	if again := w.replay(t, catalogue(t, nil), func(c *replay.Config) { c.Workers = 5 }); again.InputCounts != rep.InputCounts || !again.IsSame() {
		t.Errorf("with 5 workers: got %+v, want %+v", again.InputCounts, rep.InputCounts)
	}
}

func (w *world) amount(t *testing.T) {
	rep := w.replay(t, catalogue(t, map[string][2]string{"speed.yaml": {"base_cents: 5300", "base_cents: 6000"}}), nil)
	for _, r := range rep.Rules {
		switch {
		case r.Rule == string(rules.RuleLEZ) && (r.New+r.Gone+r.Changed != 0 || r.Same == 0):
			t.Errorf("got %+v, want the zone offences untouched", r)
		case r.Rule == string(rules.RuleSpeed) && (r.Changed == 0 || r.New+r.Gone != 0 || r.ReplayedCents <= r.StoredCents):
			t.Errorf("got %+v, want dearer fines", r)
		}
	}
	if len(rep.Examples) == 0 {
		t.Fatal("no example")
	}
	for _, e := range rep.Examples {
		if e.Kind != "changed" || e.Replayed.AmountCents != e.Stored.AmountCents+700 || len(e.Decisions) != 1 || len(e.Decisions[0].Trace) < 5 {
			t.Errorf("got %+v, want an offence 7 EUR dearer with its trace", e)
		}
	}
}

// margin takes the device margin down.
func (w *world) margin(t *testing.T) {
	rep := w.replay(t, catalogue(t, map[string][2]string{"speed.yaml": {"kmh: 6", "kmh: 3"}}), nil)
	for _, r := range rep.Rules {
		if r.Rule == string(rules.RuleSpeed) && (r.New == 0 || r.Same+r.Changed+r.Gone != r.Stored || r.Same+r.Changed+r.New != r.Replayed) {
			t.Errorf("got %+v, want new offences under a smaller margin, and sums that add up", r)
		}
	}
}

// planted stores an offence without a passage, and changes another.
func (w *world) planted(t *testing.T) {
	for _, q := range []string{
		`INSERT INTO offences SELECT * REPLACE (generateUUIDv4() AS offence_id) FROM offences WHERE family = 'speed' LIMIT 1`,
		`ALTER TABLE offences UPDATE reason = 'something_else' WHERE offence_id IN (SELECT offence_id FROM offences WHERE family = 'lez' ORDER BY offence_id LIMIT 1) SETTINGS mutations_sync = 1`,
	} {
		if err := w.conn.Exec(t.Context(), q); err != nil {
			t.Fatal(err)
		}
	}
	rep := w.replay(t, catalogue(t, nil), nil)
	var gone, changed uint64
	for _, r := range rep.Rules {
		gone, changed = gone+r.Gone, changed+r.Changed
	}
	if gone != 1 || changed != 1 || rep.IsSame() || len(rep.Examples) != 2 {
		t.Errorf("got %+v, want one gone and one changed", rep.Rules)
	}
}

func (w *world) refused(t *testing.T) {
	cfg := &replay.Config{Dial: w.dial, Engine: rules.NewEngine(catalogue(t, nil), w.registry.Cameras()), Registry: w.registry, From: w.from + schemas.Hour, To: w.to}
	if _, err := replay.Run(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), "whole Brussels days") {
		t.Errorf("got %v, want it to say that days must be whole", err)
	}
}
