package replay

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/gvc-brussels/anpr/rules"
)

// Print writes the report as tables and explained examples.
func (r *Comparison) Print(w io.Writer, took time.Duration, lang rules.Lang) error {
	var b strings.Builder
	add := func(format string, args ...any) { _, _ = fmt.Fprintf(&b, format, args...) }
	add("%d reads of %d passages decided again in %s (%.0f reads/s)\n", r.Reads, r.Passages, took.Round(time.Millisecond), float64(r.Reads)/took.Seconds())
	if r.NoReads+r.CameraGone > 0 {
		add("not decided: %d passages without reads, %d of cameras that left the registry\n", r.NoReads, r.CameraGone)
	}
	add("\n%-22s %-10s %12s %12s\n", "rule", "outcome", "stored", "replayed")
	for _, v := range r.Verdicts {
		add("%-22s %-10s %12d %12d\n", v.Rule, v.Outcome, v.Stored, v.Replayed)
	}
	add("\n%-22s %10s %10s %10s %10s %10s %14s\n", "candidates and holds", "stored", "same", "new", "gone", "changed", "EUR difference")
	for _, d := range r.Rules {
		add("%-22s %10d %10d %10d %10d %10d %14.2f\n", d.Rule, d.Stored, d.Same, d.New, d.Gone, d.Changed, float64(d.ReplayedCents-d.StoredCents)/100)
	}
	for i := range r.Examples {
		e := &r.Examples[i]
		add("\n--- %s\n", e.Kind)
		for name, o := range map[string]*FoundOffence{"stored": e.Stored, "replayed": e.Replayed} {
			if o != nil {
				add("  %-8s %s  %s  %s %s  EUR %.2f  captured %s\n", name, o.ID, o.Rule, o.Status, o.Reason, float64(o.AmountCents)/100, o.CapturedAt)
			}
		}
		for k := range e.Decisions {
			for _, line := range rules.Render(lang, e.Decisions[k]) {
				add("  %s\n", line)
			}
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}
