package casework

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/gvc-brussels/anpr/pipeline/office"
)

// changeLooked sends a change that may say yes to a case. A yes needs the lease of the case, and all of its pictures seen under it:
// anpr cases next --case CASE --pictures DIR takes and shows it.
func (q *Cmd) changeLooked(ctx context.Context, arg *caseArg, yes bool, send func(*desk, office.CaseChange, office.Looked) (*office.CaseActAnswer, error)) error {
	if !yes {
		return q.change(ctx, arg, func(d *desk, to office.CaseChange) (*office.CaseActAnswer, error) {
			return send(d, to, office.Looked{})
		})
	}
	d, err := q.openDesk(ctx)
	if err != nil {
		return err
	}
	if _, version, err := arg.split(); err == nil && version == 0 {
		return errors.New(labels[d.lang]["need_version"])
	}
	item, to, err := d.takeCase(ctx, arg)
	if err != nil {
		return err
	}
	a, err := send(d, to, office.Looked{Lease: item.Lease.ID, Checks: slices.Repeat([]bool{true}, 5), ShownMS: shownMS(item), Input: "script"})
	return show(d, a, err, func(a *office.CaseActAnswer) error { return d.printAct(os.Stdout, a) })
}

type bulkCmd struct {
	Ask  bulkAskCmd  `cmd:"" help:"Count the cases of a withdrawal, an expiry or an annulment; with --expected ask a second person for it."`
	Show bulkShowCmd `cmd:"" help:"How far an act is, and which cases need a letter or were refused."`
	List bulkListCmd `cmd:"" help:"Acts of the last 31 days."`
}

type bulkAskCmd struct {
	Kind       string    `arg:"" enum:"withdraw,expire,annul,release,recall" help:"withdraw (before the hand-over), expire (undecided, after the send clock), annul (after the hand-over), recall (withdraw or annul, as each case stands) or release (held for the --hold-reason, whose doubt you settle: the rules decide again)."`
	Cases      []string  `arg:"" optional:"" help:"Cases, in the place of a filter."`
	Camera     string    `help:"Only this camera."`
	From       time.Time `help:"Capture time, inclusive."`
	To         time.Time `help:"Capture time, exclusive; a day counts as a whole."`
	Family     string    `help:"Only this family of rules."`
	Rule       string    `help:"Only this rule."`
	Catalogue  string    `help:"Only what was decided last under this version of the catalogue."`
	Reference  string    `help:"Only what was decided last under this version of the reference data."`
	State      string    `help:"Only this state."`
	HoldReason string    `help:"Only this reason of a hold."`
	Zone       string    `help:"Only this police zone."`
	Affected   string    `help:"Only what rests on this value now, KIND:NAME as in anpr rules affected; needs --from and --to."`
	Reason     string    `help:"Of withdraw, annul and recall: a reason of the closed list, as limit_wrong."`
	Text       string    `required:"" help:"Why, in at least 10 characters and without a plate."`
	Expected   *int64    `help:"The count that the command printed without this; another count is refused."`
}

// Run counts the cases of an act, or asks for it.
func (c *bulkAskCmd) Run(ctx context.Context, q *Cmd) error {
	d, err := q.openDesk(ctx)
	if err != nil {
		return err
	}
	in := office.BulkQuery{Key: newKey()}
	b := &in.Body
	b.Kind, b.CaseIDs, b.Reason, b.Text, b.Expected = c.Kind, c.Cases, office.WithdrawReasonName(c.Reason), c.Text, c.Expected
	b.Filter = office.BulkFilter{
		Zone: c.Zone, Camera: c.Camera, From: c.From, To: c.To, Family: office.DecidingFamily(c.Family), Rule: c.Rule, Catalogue: c.Catalogue, Reference: c.Reference, State: c.State, HoldReason: c.HoldReason, Affected: c.Affected,
	}
	a, err := d.Bulk(ctx, d.j, in)
	return show(d, a, err, func(a *office.BulkAnswer) error { return d.printBulk(os.Stdout, a) })
}

type bulkShowCmd struct {
	ID string `arg:"" help:"Act, as anpr cases bulk ask prints it."`
}

// bulkShown is an act with all of its letters and refusals, as JSON.
type bulkShown struct {
	*office.BulkActAnswer
	LettersOf  []office.BulkCase `json:"letters_of"`
	RefusalsOf []office.BulkCase `json:"refusals_of"`
}

// Run shows an act with its letters and refusals.
func (c *bulkShowCmd) Run(ctx context.Context, q *Cmd) error {
	d, err := q.openDesk(ctx)
	if err != nil {
		return err
	}
	out := &bulkShown{}
	out.BulkActAnswer, err = d.BulkAct(ctx, d.j, c.ID)
	for _, part := range []struct {
		name string
		rows *[]office.BulkCase
	}{{"letters", &out.LettersOf}, {"refusals", &out.RefusalsOf}} {
		for next, more := "", true; more && err == nil; more = next != "" {
			var page *office.BulkCasesAnswer
			if page, err = d.BulkCases(ctx, d.j, office.BulkCasesQuery{BulkActQuery: office.BulkActQuery{BulkID: c.ID}, Part: part.name, After: next, Limit: 1000}); err == nil {
				*part.rows, next = append(*part.rows, page.Rows...), page.Next
			}
		}
	}
	return show(d, out, err, func(a *bulkShown) error { return d.printBulkAct(os.Stdout, a) })
}

type bulkListCmd struct{}

// Run lists acts.
func (*bulkListCmd) Run(ctx context.Context, q *Cmd) error {
	d, err := q.openDesk(ctx)
	if err != nil {
		return err
	}
	a, err := d.BulkActs(ctx, d.j)
	return show(d, a, err, func(a *office.BulkActsAnswer) error {
		for i := range a.Rows {
			r := &a.Rows[i]
			if _, err := fmt.Printf("%s  %s  %s  %d  %s\n", r.BulkID, clock(r.AskedAt), d.bulkWord(r.Kind), r.Cases, d.bulkWord(r.State)); err != nil {
				return err
			}
		}
		return nil
	})
}

// printBulk says how many cases an act is about, and what comes next.
func (d *desk) printBulk(w io.Writer, a *office.BulkAnswer) error {
	if _, err := fmt.Fprintf(w, "%d\n", a.Count); err != nil {
		return err
	}
	for _, s := range a.ByState {
		if _, err := fmt.Fprintf(w, "  %s: %d\n", d.word(s.State), s.Count); err != nil {
			return err
		}
	}
	next := d.bulkWord("counted")
	if a.BulkID != "" {
		next = fmt.Sprintf(d.bulkWord("asked"), a.BulkID, a.ApprovalID)
	}
	_, err := fmt.Fprintln(w, next)
	return err
}

// bulkWords has what is said of an act: after counting and asking, and of its kind, state and progress.
var bulkWords = map[string]said{
	"withdraw": {"intrekken", "retirer", "withdraw"}, "expire": {"laten vervallen", "laisser expirer", "expire"}, "annul": {"vernietigen", "annuler", "annul"},
	"recall": {"intrekken of vernietigen", "retirer ou annuler", "recall"}, "release": {"twijfel opheffen", "lever le doute", "release"},
	"waiting": {"wacht op een tweede persoon", "attend une deuxième personne", "waits for a second person"}, "running": {"loopt", "en cours", "running"}, "done": {"klaar", "terminé", "done"},
	"refused": {"geweigerd door de tweede persoon", "refusé par la deuxième personne", "refused by the second person"}, "lapsed": {"vervallen: niemand keurde het binnen acht uur goed", "caduc : personne ne l'a approuvé en huit heures", "lapsed: nobody approved it within eight hours"},
	"progress": {"%d van %d dossiers gedaan, %d geweigerd, %d te doen", "%d dossiers sur %d faits, %d refusés, %d à faire", "%d of %d cases done, %d refused, %d to do"},
	"letters":  {"Een brief voor %d dossiers, samen %s:", "Une lettre pour %d dossiers, au total %s :", "A letter for %d cases, %s in all:"},
	"refusals": {"Deze dossiers zijn niet gewijzigd:", "Ces dossiers n'ont pas été modifiés :", "These cases were not changed:"},
	"counted":  {"Er is niets gevraagd: geef dit aantal met --expected.", "Rien n'est demandé : donnez ce nombre avec --expected.", "Nothing is asked for yet: give this count as --expected."},
	"asked":    {"Opdracht %s wacht op een tweede persoon (goedkeuring %s, acht uur).", "L'acte %s attend une deuxième personne (approbation %s, huit heures).", "Act %s waits for a second person (approval %s, eight hours)."},
}

// printBulkAct writes an act, then a line for each letter and each refusal.
func (d *desk) printBulkAct(w io.Writer, a *bulkShown) error {
	lines := []string{
		fmt.Sprintf("%s  %s: %s", a.BulkID, d.bulkWord(a.Kind), d.bulkWord(a.State)),
		fmt.Sprintf(d.bulkWord("progress"), a.Done, a.Cases, a.Refused, a.Waiting),
	}
	if len(a.LettersOf) > 0 {
		lines = append(lines, fmt.Sprintf(d.bulkWord("letters"), len(a.LettersOf), d.euros(a.AmountCents)))
	}
	for _, r := range a.LettersOf {
		lines = append(lines, fmt.Sprintf("  %s  %s  %s", r.CaseID, r.Number, d.euros(r.AmountCents)))
	}
	if len(a.RefusalsOf) > 0 {
		lines = append(lines, d.bulkWord("refusals"))
	}
	for _, r := range a.RefusalsOf {
		lines = append(lines, fmt.Sprintf("  %s  %s", r.CaseID, cmp.Or(problems[r.Outcome].in(d.lang), printable(r.Detail), r.Outcome)))
	}
	_, err := fmt.Fprintln(w, strings.Join(lines, "\n"))
	return err
}

func (d *desk) bulkWord(code string) string { return cmp.Or(bulkWords[code].in(d.lang), code) }
