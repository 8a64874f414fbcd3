package casework

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/gvc-brussels/anpr/pipeline/office"
	"github.com/gvc-brussels/anpr/schemas"
)

type transmitCmd struct {
	Track  string `required:"" enum:"immediate_collection,prosecutor,regional,municipal,alternative,all" help:"immediate_collection, prosecutor, regional, municipal, alternative, or all."`
	Zone   string `help:"Only cases of this police zone."`
	DryRun bool   `help:"Check everything, hand nothing over." xor:"how"`
	Daily  bool   `help:"For a timer: the batches of this Brussels day. Run again on the day, or at the same time on another machine, it makes none of them twice." xor:"how"`
}

// keyOf returns the key of the nth request for a track. Those of a daily run follow from the day, so that each of them is one
// batch, whatever asks for it how often.
func (c *transmitCmd) keyOf(now time.Time, track string, n int) string {
	if !c.Daily {
		return newKey()
	}
	return strings.Join([]string{"daily", now.In(schemas.Brussels()).Format(time.DateOnly), track, c.Zone, strconv.Itoa(n)}, "-")
}

// Run hands the cases of a track over, in as many batches as they need.
func (c *transmitCmd) Run(ctx context.Context, q *Cmd) error {
	d, err := q.openDesk(ctx)
	if err != nil {
		return err
	}
	tracks := []string{c.Track}
	if c.Track == "all" {
		tracks = []string{"immediate_collection", "prosecutor", "regional", "municipal", "alternative"}
	}
	now := time.Now()
	for _, track := range tracks {
		seen, more := map[string]bool{}, true // cases that stayed
		for n := 1; more; n++ {
			in := office.TransmitQuery{Key: c.keyOf(now, track, n)}
			in.Body.Track, in.Body.Zone, in.Body.DryRun = track, c.Zone, c.DryRun
			a, err := d.Transmit(ctx, d.j, in)
			if err := show(d, a, err, func(a *office.TransmitAnswer) error { return d.printTransmit(os.Stdout, track, a) }); err != nil {
				return err
			}
			more = a.More && !c.DryRun && (a.Transmission != nil || addNew(seen, a.Kept)) // a round that met no case for the first time is the last
		}
	}
	return nil
}

// addNew adds the cases that stayed, and reports whether one of them is new.
func addNew(seen map[string]bool, kept []office.KeptCase) (found bool) {
	for _, k := range kept {
		found = found || !seen[k.CaseID]
		seen[k.CaseID] = true
	}
	return found
}

func (d *desk) printTransmit(w io.Writer, track string, a *office.TransmitAnswer) error {
	l, s := handoverLabels[d.lang], d.newSheet(w)
	switch {
	case a.Transmission != nil:
		s.addRow(fmt.Sprintf(l["sent"], a.Cases, d.word(track), a.Transmission.BatchID))
	case a.DryRun:
		s.addRow(fmt.Sprintf(l["would_go"], a.Cases, d.word(track)))
	default:
		s.addRow(fmt.Sprintf(l["none_goes"], d.word(track)))
	}
	d.addKept(s, a.Kept)
	s.addRow(fmt.Sprintf("%s %d", labels[d.lang]["logged"], a.Scope.LogSeq))
	return s.finish()
}

// addKept says which cases stay, and why.
func (d *desk) addKept(s *sheet, kept []office.KeptCase) {
	for _, k := range kept {
		reasons := make([]string, len(k.Reasons))
		for i, r := range k.Reasons {
			reasons[i] = d.word(r)
		}
		s.addRow(fmt.Sprintf(handoverLabels[d.lang]["stays"], k.CaseID, k.Number, strings.Join(reasons, ", ")))
	}
}

type transmissionsCmd struct {
	Batch string `arg:"" optional:"" help:"One batch, with its cases and their answers."`
	Save  string `help:"With a batch: save its file here. A file that is there is not overwritten." type:"path"`
	Limit int    `help:"Batches." default:"20"`
}

// Run lists batches and what waits, or shows one batch.
func (c *transmissionsCmd) Run(ctx context.Context, q *Cmd) error {
	d, err := q.openDesk(ctx)
	if err != nil {
		return err
	}
	if c.Batch == "" {
		a, err := d.Transmissions(ctx, d.j, office.TransmissionsQuery{Limit: c.Limit})
		return show(d, a, err, func(a *office.TransmissionsAnswer) error { return d.printTransmissions(os.Stdout, a) })
	}
	a, err := d.Transmission(ctx, d.j, c.Batch)
	if err == nil && c.Save != "" {
		err = d.saveBatch(ctx, &a.Transmission, c.Save)
	}
	return show(d, a, err, func(a *office.TransmissionAnswer) error { return d.printTransmission(os.Stdout, a) })
}

// saveBatch saves the file of a batch, compared with the sum that the office noted.
func (d *desk) saveBatch(ctx context.Context, t *office.ShownTransmission, path string) error {
	file, err := d.TransmissionFile(ctx, d.j, t.BatchID)
	if err != nil {
		return err
	}
	if sum := sha256.Sum256(file); hex.EncodeToString(sum[:]) != t.SHA256 {
		return errors.New("the file that came is not the one that the office made; ask again")
	}
	return saveNew(path, file)
}

func (d *desk) addTransmission(s *sheet, t *office.ShownTransmission) {
	l := handoverLabels[d.lang]
	delivered := l["not_delivered"]
	if t.DeliveredAt != nil {
		delivered = fmt.Sprintf(l["delivered"], clock(*t.DeliveredAt))
	}
	s.addRow(fmt.Sprintf(l["batch"], t.BatchID, d.word(t.Track), clock(t.MadeAt), t.Cases, t.Acknowledged, t.Returned, delivered))
}

func (d *desk) printTransmissions(w io.Writer, a *office.TransmissionsAnswer) error {
	l, s := handoverLabels[d.lang], d.newSheet(w)
	for i := range a.Rows {
		d.addTransmission(s, &a.Rows[i])
	}
	for _, r := range a.Ready {
		s.addRow(fmt.Sprintf(l["ready"], d.word(r.Track), r.Zone, r.Numbered, r.Bare))
	}
	d.addKept(s, a.Kept)
	for _, n := range a.Notices {
		s.addRow(fmt.Sprintf(l["notice"], n.Number, n.CaseID, clock(n.AnnulledAt), n.Copies, n.BatchID))
	}
	s.addRow(fmt.Sprintf("%s %d", labels[d.lang]["logged"], a.Scope.LogSeq))
	return s.finish()
}

func (d *desk) printTransmission(w io.Writer, a *office.TransmissionAnswer) error {
	s := d.newSheet(w)
	d.addTransmission(s, &a.Transmission)
	for _, c := range a.Cases {
		text := fmt.Sprintf("%s  %s  %s", c.Number, c.CaseID, d.word(c.State))
		if c.Outcome != "" {
			text += fmt.Sprintf("  %s, %s %s", d.word(c.Outcome), clockOf(c.AnsweredAt), printable(c.Reason))
		}
		s.addRow(text)
	}
	s.addRow(fmt.Sprintf("%s %d", labels[d.lang]["logged"], a.Scope.LogSeq))
	return s.finish()
}

type answerCmd struct {
	File string `arg:"" help:"Answer of a recipient, JSON, as schemas/handover/answer.schema.json describes it."`
}

// Run records the answer of a recipient.
func (c *answerCmd) Run(ctx context.Context, q *Cmd) error {
	d, err := q.openDesk(ctx)
	if err != nil {
		return err
	}
	file, err := os.ReadFile(c.File)
	if err != nil {
		return err
	}
	var named struct {
		BatchID string `json:"batch_id"`
	}
	if err := json.Unmarshal(file, &named); err != nil || named.BatchID == "" {
		return fmt.Errorf("%s: no JSON with a batch_id", filepath.Base(c.File))
	}
	a, err := d.AnswerTransmission(ctx, d.j, named.BatchID, file)
	return show(d, a, err, func(a *office.AnswersAnswer) error {
		s := d.newSheet(os.Stdout)
		s.addRow(fmt.Sprintf(handoverLabels[d.lang]["answered"], a.Acknowledged, a.Returned, a.Annulments, a.Unchanged))
		s.addRow(fmt.Sprintf("%s %d", labels[d.lang]["logged"], a.LogSeq))
		return s.finish()
	})
}

type annulCmd struct {
	caseArg
	Reason string `required:"" help:"Reason to take the case back, as of anpr cases drop."`
	Text   string `help:"In words; needed with other."`
	Ask    bool   `help:"Ask a second person to approve, for this case and reason; annul when it is approved."`
}

// Run annuls a case that was handed over, or asks a second person for it.
func (c *annulCmd) Run(ctx context.Context, q *Cmd) error {
	if c.Ask {
		return c.askApproval(ctx, q)
	}
	return q.change(ctx, &c.caseArg, func(d *desk, to office.CaseChange) (*office.CaseActAnswer, error) {
		in := office.AnnulmentQuery{CaseChange: to}
		in.Body.Reason, in.Body.Text = office.WithdrawReasonName(c.Reason), c.Text
		return d.AnnulCase(ctx, d.j, in)
	})
}

// askApproval asks a second person for the annulment.
func (c *annulCmd) askApproval(ctx context.Context, q *Cmd) error {
	d, err := q.openDesk(ctx)
	if err != nil {
		return err
	}
	id, _, err := c.split()
	if err != nil {
		return err
	}
	a, err := d.AskApproval(ctx, office.ApprovalQuery{Justification: d.j, Kind: "annulment", CaseID: id, CaseReason: c.Reason})
	return show(d, a, err, func(a *office.AskedAnswer) error {
		s := d.newSheet(os.Stdout)
		s.addRow(fmt.Sprintf(handoverLabels[d.lang]["asked"], a.ID))
		return s.finish()
	})
}

type mendCmd struct {
	caseArg
	To   string `required:"" enum:"confirmed,arbitration" help:"confirmed: it goes to the recipient again; arbitration: a supervisor decides it anew."`
	Text string `required:"" help:"What was mended, at least 10 characters."`
}

// Run says what was mended of a case that came back.
func (c *mendCmd) Run(ctx context.Context, q *Cmd) error {
	return q.change(ctx, &c.caseArg, func(d *desk, to office.CaseChange) (*office.CaseActAnswer, error) {
		in := office.MendingQuery{CaseChange: to}
		in.Body.To, in.Body.Text = c.To, c.Text
		return d.MendCase(ctx, d.j, in)
	})
}

type returnCmd struct {
	caseArg
	Reason string `required:"" help:"What is wrong with it."`
}

// Run sends a case back that the prosecutor's office got.
func (c *returnCmd) Run(ctx context.Context, q *Cmd) error {
	return q.change(ctx, &c.caseArg, func(d *desk, to office.CaseChange) (*office.CaseActAnswer, error) {
		in := office.ReturnQuery{CaseChange: to}
		in.Body.Reason = c.Reason
		return d.ReturnCase(ctx, d.j, in)
	})
}

// handoverLabels has the texts of the hand-over, by language.
var handoverLabels = map[string]map[string]string{
	"nl": {
		"sent": "%d dossiers overgemaakt (%s); zending %s", "would_go": "%d dossiers zouden gaan (%s)", "none_goes": "geen dossier gaat (%s)", "stays": "blijft: %s %s: %s",
		"delivered": "afgeleverd om %s", "not_delivered": "nog niet afgeleverd", "batch": "%s  %s  %s  %d dossiers, %d ontvangen, %d teruggestuurd; %s",
		"ready": "wacht: %s, zone %s: %d met nummer, %d zonder", "notice": "vernietigd, ontvanger antwoordt niet: %s %s, %s, %d berichten, zending %s",
		"answered": "%d ontvangen, %d teruggestuurd, %d vernietigingen aangenomen, %d stonden er al", "asked": "Een tweede persoon is gevraagd: %s",
	},
	"fr": {
		"sent": "%d dossiers transmis (%s) ; envoi %s", "would_go": "%d dossiers partiraient (%s)", "none_goes": "aucun dossier ne part (%s)", "stays": "reste : %s %s : %s",
		"delivered": "remis à %s", "not_delivered": "pas encore remis", "batch": "%s  %s  %s  %d dossiers, %d reçus, %d renvoyés ; %s",
		"ready": "attend : %s, zone %s : %d avec numéro, %d sans", "notice": "annulé, le destinataire ne répond pas : %s %s, %s, %d avis, envoi %s",
		"answered": "%d reçus, %d renvoyés, %d annulations prises en compte, %d déjà connus", "asked": "Une deuxième personne est demandée : %s",
	},
	"en": {
		"sent": "%d cases handed over (%s); batch %s", "would_go": "%d cases would go (%s)", "none_goes": "no case goes (%s)", "stays": "stays: %s %s: %s",
		"delivered": "delivered at %s", "not_delivered": "not delivered yet", "batch": "%s  %s  %s  %d cases, %d acknowledged, %d returned; %s",
		"ready": "waits: %s, zone %s: %d with a number, %d without", "notice": "annulled, the recipient does not answer: %s %s, %s, %d notices, batch %s",
		"answered": "%d acknowledged, %d returned, %d annulments acknowledged, %d said before", "asked": "A second person is asked: %s",
	},
}
