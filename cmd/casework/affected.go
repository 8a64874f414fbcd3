package casework

import (
	"cmp"
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gvc-brussels/anpr/cmd/ask"
	"github.com/gvc-brussels/anpr/pipeline/office"
)

// AffectedCmd is anpr rules affected: which cases rest on one value, and one act of two persons that takes them back.
type AffectedCmd struct {
	ask.ClientFlags
	Purpose string `help:"traffic, or operation, which shows no plate. Default: what your role may state."`
	For     string `help:"What the look-up is for, in words; it is logged with your name. Default, of the purpose traffic alone: the processing of traffic offences in this shift."`
	Lang    string `help:"Language of the answers: nl, fr or en. Default: that of the terminal."`

	Value    string    `required:"" help:"KIND:NAME. Kinds: limit:CAMERA, zone:ZONE or zone:CAMERA (its place in the low emission zone), permits:VERSION, certificate:CAMERA, SECTION or SERIAL, clock:CAMERA, section:SECTION, catalogue:VERSION, camera:CAMERA."`
	From     time.Time `required:"" help:"Capture time, inclusive."`
	To       time.Time `required:"" help:"Capture time, exclusive; a day counts as a whole."`
	Plates   bool      `help:"Show the plates, where your role may see them; the rows count as looked up."`
	CSV      bool      `name:"csv" help:"Print the cases as CSV."`
	Annul    bool      `help:"Count the cases that an act would take back now: withdrawn before the hand-over, annulled after it. With --expected ask a second person for it."`
	Reason   string    `help:"Of --annul: a reason of the closed list." default:"value_wrong"`
	Text     string    `help:"Of --annul: why, in at least 10 characters and without a plate."`
	Expected *int64    `help:"Of --annul: the count that the command printed without this; another count is refused."`
}

// affectedTotals are numbers of cases and sums of amounts.
type affectedTotals struct {
	Cases       int            `json:"cases"`
	Former      int            `json:"former" doc:"decided again since"`
	HandedOver  int            `json:"handed_over"`
	AmountCents int64          `json:"amount_cents"`
	ByRule      map[string]int `json:"by_rule"`
	ByState     map[string]int `json:"by_state"`
	ByTrack     map[string]int `json:"by_track"`
}

// affectedShown is the whole list with its totals.
type affectedShown struct {
	Value      string                `json:"value"`
	Rows       []office.AffectedCase `json:"rows"`
	Totals     affectedTotals        `json:"totals"`
	Unreadable int                   `json:"unreadable"`
	Hits       *int64                `json:"hits,omitempty"`
	LogSeq     []uint64              `json:"log_seq"`
	Act        *office.BulkAnswer    `json:"act,omitempty"`
}

// Run lists the cases, then counts or asks for the act.
func (c *AffectedCmd) Run(ctx context.Context) error {
	q := &Cmd{ClientFlags: c.ClientFlags, Purpose: c.Purpose, For: c.For, Lang: c.Lang}
	d, err := q.openDesk(ctx)
	if err != nil {
		return err
	}
	out := &affectedShown{Value: c.Value, Rows: []office.AffectedCase{}, Totals: affectedTotals{ByRule: map[string]int{}, ByState: map[string]int{}, ByTrack: map[string]int{}}}
	err = c.list(ctx, d, out)
	if err == nil && c.Annul {
		out.Act, err = d.Bulk(ctx, d.j, c.act())
	}
	if err != nil {
		return d.explain(err)
	}
	switch {
	case d.json:
		return office.PrintJSON(os.Stdout, out)
	case c.CSV:
		return d.writeAffected(os.Stdout, out)
	}
	return d.printAffected(os.Stdout, out)
}

// list reads every page, and tells on stderr how far it is.
func (c *AffectedCmd) list(ctx context.Context, d *desk, out *affectedShown) error {
	ask := office.AffectedQuery{
		Justification: d.j, Value: c.Value, Plates: c.Plates, TimeRange: office.TimeRange{From: c.From, To: c.To}, Paging: office.Paging{Limit: 1000},
	}
	for more := true; more; more = ask.After != "" {
		page, err := d.Affected(ctx, ask)
		if err != nil {
			return err
		}
		for i := range page.Rows {
			out.Totals.add(&page.Rows[i])
		}
		out.Rows, out.LogSeq = append(out.Rows, page.Rows...), append(out.LogSeq, page.Scope.LogSeq)
		out.Unreadable += page.Unreadable
		if page.Hits != nil {
			out.Hits = page.Hits
		}
		if ask.After = page.Next; ask.After != "" {
			fmt.Fprintf(os.Stderr, d.affectedWord("progress")+"\n", len(out.Rows), clock(page.Rows[len(page.Rows)-1].CapturedAt))
		}
	}
	return nil
}

// act asks for the withdrawal or annulment of the cases that rest on the value now.
func (c *AffectedCmd) act() office.BulkQuery {
	in := office.BulkQuery{Key: newKey()}
	b := &in.Body
	b.Kind, b.Reason, b.Text, b.Expected = "recall", office.WithdrawReasonName(c.Reason), c.Text, c.Expected
	b.Filter = office.BulkFilter{From: c.From, To: c.To, Affected: c.Value}
	return in
}

func (t *affectedTotals) add(r *office.AffectedCase) {
	t.Cases++
	t.AmountCents += r.AmountCents
	t.ByRule[r.Rule]++
	t.ByState[r.State]++
	t.ByTrack[r.Track]++
	if r.Former {
		t.Former++
	}
	if r.SentAt != nil {
		t.HandedOver++
	}
}

// affectedHead names the columns of the list as CSV.
var affectedHead = []string{"case_id", "state", "rule", "camera", "captured_at", "plate", "country", "track", "amount_cents", "handed_over_at", "former", "because"}

// writeAffected writes the cases as CSV.
func (d *desk) writeAffected(w io.Writer, a *affectedShown) error {
	out := csv.NewWriter(w)
	rows := [][]string{affectedHead}
	for i := range a.Rows {
		r := &a.Rows[i]
		sent := ""
		if r.SentAt != nil {
			sent = r.SentAt.UTC().Format(time.RFC3339)
		}
		rows = append(rows, []string{
			r.CaseID, r.State, r.Rule, printable(r.Camera), r.CapturedAt.UTC().Format(time.RFC3339Nano), printable(r.Plate), r.Country, r.Track,
			strconv.FormatInt(r.AmountCents, 10), sent, strconv.FormatBool(r.Former), strings.Join(d.linesOf(r.Because), "; "),
		})
	}
	return out.WriteAll(rows)
}

// printAffected writes the cases, the totals, what the list cannot say, and the act.
func (d *desk) printAffected(w io.Writer, a *affectedShown) error {
	s := d.newSheet(w)
	for i := range a.Rows {
		r := &a.Rows[i]
		marks := []string{d.word(r.State)}
		if r.SentAt != nil {
			marks = append(marks, d.affectedWord("sent")+" "+clock(*r.SentAt))
		}
		if r.Former {
			marks = append(marks, d.affectedWord("former"))
		}
		s.addRow(r.CaseID, clock(r.CapturedAt), printable(r.Camera), cmp.Or(printable(r.Plate), "#"), r.Rule, d.word(r.Track), d.euros(r.AmountCents), strings.Join(marks, ", "))
		for _, line := range d.linesOf(r.Because) {
			s.addRow("  " + line)
		}
	}
	t := &a.Totals
	s.addRow("")
	s.addRow(fmt.Sprintf(d.affectedWord("totals"), t.Cases, t.HandedOver, t.Former, d.euros(t.AmountCents)))
	for _, by := range []map[string]int{t.ByRule, t.ByState, t.ByTrack} {
		for _, name := range slices.Sorted(maps.Keys(by)) {
			s.addRow(fmt.Sprintf("  %s: %d", cmp.Or(d.word(name), "-"), by[name]))
		}
	}
	if a.Hits != nil {
		s.addRow(fmt.Sprintf(d.affectedWord("hits"), *a.Hits))
	}
	if a.Unreadable > 0 {
		s.addRow(fmt.Sprintf(d.affectedWord("unreadable"), a.Unreadable))
	}
	s.addRow(d.affectedWord("limits"))
	for _, seq := range a.LogSeq {
		s.addRow(fmt.Sprintf("%s %d", s.l["logged"], seq))
	}
	if err := s.finish(); err != nil || a.Act == nil {
		return err
	}
	return d.printBulk(w, a.Act)
}

func (d *desk) affectedWord(code string) string { return affectedWords[code].in(d.lang) }

// affectedWords has what is said of the cases that rest on a value.
var affectedWords = map[string]said{
	"progress": {"%d dossiers gevonden, tot %s", "%d dossiers trouvés, jusqu'au %s", "%d cases found, up to %s"},
	"sent":     {"overgemaakt", "transmis", "handed over"},
	"former":   {"intussen opnieuw beslist zonder deze waarde", "redécidé depuis sans cette valeur", "decided again since without this value"},
	"totals": {
		"%d dossiers steunen of steunden op deze waarde: %d overgemaakt, %d intussen opnieuw beslist, samen %s", "%d dossiers reposent ou reposaient sur cette valeur : %d transmis, %d redécidés depuis, au total %s",
		"%d cases rest or rested on this value: %d handed over, %d decided again since, %s in all",
	},
	"hits": {
		"%d hits van deze camera in de periode; hun regels ziet alleen de politie.", "%d résultats positifs de cette caméra dans la période ; seule la police en voit les lignes.",
		"%d hits of this camera in the window; only the police see their rows.",
	},
	"unreadable": {
		"Van %d dossiers zijn de verzegelde bytes onleesbaar: niemand kan zeggen waarop ze steunen.", "De %d dossiers, les octets scellés sont illisibles : nul ne peut dire sur quoi ils reposent.",
		"The sealed bytes of %d cases cannot be read: nobody can tell on what they rest.",
	},
	"limits": {
		"De lijst komt uit wat elke beslissing vastlegde; passages zonder dossier staan er niet in (anpr replay vindt ze).", "La liste vient de ce que chaque décision a consigné ; les passages sans dossier n'y figurent pas (anpr replay les trouve).",
		"The list comes from what each decision recorded; passages without a case are not in it (anpr replay finds them).",
	},
}
