package cases

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gvc-brussels/anpr/schemas"
)

func (w Withdraw) act(a *attempt) (*Event, error) {
	e, err := a.begin(TakenBack)
	if err == nil {
		err = a.needStepUp()
	}
	if err == nil {
		err = checkText("text", w.Text, 0)
	}
	if err == nil {
		err = checkReason(w.Reason, WithdrawReasons(), WithdrawOther, w.Text)
	}
	if err == nil && w.Count > 1 {
		if err = a.needApproval(); err == nil && strings.TrimSpace(w.Query) == "" {
			err = refuseField("query", "a withdrawal of %d cases names its query", w.Count)
		}
	}
	if err != nil {
		return nil, err
	}
	if a.by.Approver != a.by.User { // of one case none is needed, and named when there is one
		e.Approver = a.by.Approver
	}
	e.To, e.Reason, e.Text, e.Query, e.Count = Withdrawn, string(w.Reason), w.Text, w.Query, w.Count
	return e, nil
}

func (n Note) act(a *attempt) (*Event, error) {
	e, err := a.begin(Noted)
	if err == nil {
		err = checkText("text", n.Text, 1)
	}
	if err == nil && a.by.Role != System && (n.Revived || !n.Successor.IsZero()) {
		err = refuse(CodeRole, "only a job notes a revival")
	}
	if err != nil {
		return nil, err
	}
	e.Text, e.Revived = n.Text, n.Revived
	if !n.Successor.IsZero() {
		e.Successor = n.Successor.String()
	}
	return e, nil
}

func (o OpenIncident) act(a *attempt) (*Event, error) {
	e, err := a.begin(IncidentOpened)
	if err == nil && !slices.Contains(IncidentKinds(), o.Kind) {
		err = refuseField("kind", "%q is not in the list: %v", o.Kind, IncidentKinds())
	}
	if err == nil {
		err = checkText("text", o.Text, 1)
	}
	if err != nil {
		return nil, err
	}
	e.Said = o.Said
	if o.Kind == SealDiffers {
		if slices.Contains(a.c.OtherSeals, o.OtherSeal.String()) {
			return nil, nil
		}
		e.OtherSeal = o.OtherSeal.String()
	} else if slices.ContainsFunc(a.c.Incidents, func(i Incident) bool { return i.Kind == o.Kind }) {
		return nil, nil // one open incident of a kind says it
	}
	e.Incident, e.Text = o.Kind, o.Text
	return e, nil
}

func (x CloseIncident) act(a *attempt) (*Event, error) {
	e, err := a.begin(IncidentClosed)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(a.c.Incidents, func(i Incident) bool { return i.N == x.N })
	if i < 0 {
		return nil, refuse(CodeDecided, "the case has no open incident %d", x.N)
	}
	if err := checkText("text", x.Text, 10); err != nil {
		return nil, err
	}
	e.Closes, e.Incident, e.Text = x.N, a.c.Incidents[i].Kind, x.Text
	return e, nil
}

func (x Assign) act(a *attempt) (*Event, error) {
	e, err := a.begin(Assigned)
	switch {
	case err != nil:
		return nil, err
	case x.User == "" || strings.ContainsRune(x.User, 0):
		return nil, refuseField("user", "name the user")
	case x.Until <= a.m.Now:
		return nil, refuseField("until", "the assignment must end after now")
	case x.Until > max(a.c.DecideBy, endOfDay(a.m.Now.Day()+schemas.Day(a.m.Policy.AgentHoldDays))):
		return nil, refuseField("until", "the assignment must end when the case must be decided, or within %d days", a.m.Policy.AgentHoldDays)
	case !a.c.MayTake(x.User):
		return nil, refuse(CodeSamePerson, "another person must act on this case")
	}
	e.AssignedTo, e.Until = x.User, x.Until
	return e, nil
}

func (x ChangeTrack) act(a *attempt) (*Event, error) {
	e, err := a.begin(TrackChanged)
	if err == nil && !slices.Contains(Tracks(), x.Track) {
		err = refuseField("track", "%q is not in the list: %v", x.Track, Tracks())
	}
	if err == nil && x.Track == a.c.Track {
		err = refuse(CodeTrackTaken, "the case is on track %s", x.Track)
	}
	if err == nil {
		err = checkText("text", x.Text, 10)
	}
	if err != nil {
		return nil, err
	}
	facts := a.c.Facts
	facts.Track, facts.Blocks = x.Track, slices.Clone(x.Blocks)
	e.Facts, e.Text = &facts, x.Text
	return e, nil
}

func (x Number) act(a *attempt) (*Event, error) {
	e, err := a.begin(Numbered)
	switch {
	case err != nil:
		return nil, err
	case len(a.c.Incidents) > 0:
		return nil, refuse(CodeIncident, "incident %d is open", a.c.Incidents[0].N)
	case a.c.Number != "":
		return nil, refuse(CodeDecided, "the case has number %s", a.c.Number)
	case a.needFile() != nil:
		return nil, a.needFile()
	case strings.TrimSpace(x.Number) == "" || checkText("number", x.Number, 1) != nil:
		return nil, refuseField("number", "the number is missing")
	}
	e.Number = x.Number
	return e, nil
}

func (x Transmit) act(a *attempt) (*Event, error) {
	e, err := a.begin(HandedOver)
	switch {
	case err != nil:
		return nil, err
	case len(a.c.Incidents) > 0:
		return nil, refuse(CodeIncident, "incident %d is open", a.c.Incidents[0].N)
	case a.m.Wired:
		return nil, refuse(CodeBlocked, HeldByWire)
	case x.Track != a.c.Track || a.c.Track == "":
		return nil, refuse(CodeTrackTaken, "the case is on track %q", a.c.Track)
	case a.c.Number == "":
		return nil, refuse(CodeBlocked, "the case has no number")
	case !x.SealHolds || !x.PicturesHold:
		return nil, refuse(CodeBlocked, "seal and pictures must be verified now")
	case len(x.ExportMissing) > 0 || len(a.c.Blocks) > 0:
		return nil, refuse(CodeBlocked, "%s", strings.Join(slices.Concat(x.ExportMissing, a.c.Blocks), ", "))
	case x.OpenApproval:
		return nil, refuse(CodeApproval, "an approval of this case is open")
	case x.Batch == "":
		return nil, refuseField("batch", "name the batch")
	case a.needFile() != nil:
		return nil, a.needFile()
	}
	e.To, e.Batch = Transmitted, x.Batch
	e.File, e.Trace = &a.m.File.Answer, a.m.File.Trace
	return e, nil
}

func (x Acknowledge) act(a *attempt) (*Event, error) {
	e, err := a.begin(Acknowledged)
	if err == nil {
		err = checkText("text", x.Text, 0)
	}
	if err != nil {
		return nil, err
	}
	e.Text = x.Text
	return e, nil
}

func (x Return) act(a *attempt) (*Event, error) {
	e, err := a.begin(SentBack)
	if err == nil {
		err = checkText("reason", x.Reason, 1)
	}
	if err != nil {
		return nil, err
	}
	e.To, e.Reason = Returned, x.Reason
	return e, nil
}

func (x Mend) act(a *attempt) (*Event, error) {
	e, err := a.begin(Mended)
	if err == nil && x.To != Confirmed && x.To != Arbitration {
		err = refuseField("to", "%q is none of confirmed, arbitration", x.To)
	}
	if err == nil {
		err = checkText("text", x.Text, 10)
	}
	if err != nil {
		return nil, err
	}
	e.To, e.Text = x.To, x.Text
	return e, nil
}

func (x Annul) act(a *attempt) (*Event, error) {
	e, err := a.begin(AnnulledEvent)
	for _, need := range []func() error{
		a.needStepUp, a.needApproval, func() error { return checkText("text", x.Text, 0) },
		func() error { return checkReason(x.Reason, WithdrawReasons(), WithdrawOther, x.Text) },
	} {
		if err == nil {
			err = need()
		}
	}
	if err != nil {
		return nil, err
	}
	e.To, e.Reason, e.Text, e.Approver = Annulled, string(x.Reason), x.Text, a.by.Approver
	e.Query, e.Count = x.Query, x.Count
	return e, nil
}

// FormNumber writes the n-th number of a police zone and a year. The form is not verified: who numbers, and how, a circular
// of the prosecutors' college says.
func FormNumber(zone string, year int, n int64) string {
	if zone == "" {
		zone = "0000"
	}
	return fmt.Sprintf("GV.%s.%06d/%d", zone, n, year)
}
