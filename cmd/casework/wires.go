package casework

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/gvc-brussels/anpr/pipeline/office"
)

type wiresCmd struct{}

// Run lists tripwires.
func (*wiresCmd) Run(ctx context.Context, q *Cmd) error {
	d, err := q.openDesk(ctx)
	if err != nil {
		return err
	}
	a, err := d.Wires(ctx, d.j)
	return show(d, a, err, func(a *office.WiresAnswer) error { return d.printWires(os.Stdout, a.Rows, a.Scope.LogSeq) })
}

type stopIssuingCmd struct {
	Camera string `arg:"" help:"Camera, as the registry names it."`
	Family string `arg:"" help:"Family of rules."`
	Text   string `required:"" help:"Why, in at least 10 characters and without a plate."`
}

// Run opens a tripwire by hand.
func (c *stopIssuingCmd) Run(ctx context.Context, q *Cmd) error {
	d, err := q.openDesk(ctx)
	if err != nil {
		return err
	}
	in := office.OpenWireQuery{}
	in.Body.Camera, in.Body.Family, in.Body.Text = c.Camera, office.DecidingFamily(c.Family), c.Text
	a, err := d.OpenWire(ctx, d.j, in)
	return show(d, a, err, func(a *office.WireAnswer) error { return d.printWires(os.Stdout, []office.ShownWire{a.Wire}, a.LogSeq) })
}

type releaseWireCmd struct {
	Wire    string `arg:"" help:"Tripwire, as anpr cases wires prints it."`
	Finding string `required:"" enum:"mended,real" help:"mended: something was wrong, and the time of the wire stays out of the history. real: the offences are real, and the history begins anew."`
	Text    string `required:"" help:"What was found and done, in at least 10 characters and without a plate."`
}

// Run releases a tripwire.
func (c *releaseWireCmd) Run(ctx context.Context, q *Cmd) error {
	d, err := q.openDesk(ctx)
	if err != nil {
		return err
	}
	in := office.ReleaseWireQuery{ID: c.Wire}
	in.Body.Finding, in.Body.Text = c.Finding, c.Text
	a, err := d.ReleaseWire(ctx, d.j, in)
	return show(d, a, err, func(a *office.WireAnswer) error { return d.printWires(os.Stdout, []office.ShownWire{a.Wire}, a.LogSeq) })
}

// printWires writes tripwires with their evidence.
func (d *desk) printWires(w io.Writer, list []office.ShownWire, seq uint64) error {
	s := d.newSheet(w)
	if len(list) == 0 {
		s.addRow(wireWords["none"].in(d.lang))
	}
	for i := range list {
		x := &list[i]
		by := wireWords["jump"].in(d.lang)
		if x.OpenedBy != "" {
			by = x.OpenedBy
		}
		state := fmt.Sprintf(wireWords["open"].in(d.lang), x.Held, x.Unsent)
		if x.ReleasedAt != nil {
			state = fmt.Sprintf(wireWords["released"].in(d.lang), clock(*x.ReleasedAt), x.ReleasedBy, wireWords[x.Finding].in(d.lang))
		}
		s.addRow(x.WireID, printable(x.Camera), x.Family, clock(x.OpenedAt), by, state)
		for _, line := range d.linesOf(x.Evidence) {
			s.addRow("  " + line)
		}
		for _, text := range []string{x.Text, x.ReleaseText} {
			if text != "" {
				s.addRow("  " + printable(text))
			}
		}
	}
	s.addRow(fmt.Sprintf("%s %d", labels[d.lang]["logged"], seq))
	return s.finish()
}

// wireWords has what is said of tripwires.
var wireWords = map[string]said{
	"none":     {"Niets is stilgelegd.", "Rien n'est suspendu.", "Nothing is stopped."},
	"jump":     {"sprong in de overtredingen", "bond des infractions", "offences jumped"},
	"open":     {"STILGELEGD: %d in beraad, %d bevestigd en niet overgemaakt", "SUSPENDU : %d en suspens, %d validés et non transmis", "STOPPED: %d held, %d confirmed and not handed over"},
	"released": {"vrijgegeven op %s door %s (%s)", "libéré le %s par %s (%s)", "released at %s by %s (%s)"},
	"mended":   {"fout hersteld", "erreur corrigée", "fault mended"},
	"real":     {"overtredingen zijn echt", "infractions réelles", "the offences are real"},
}
