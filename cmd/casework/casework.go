// Package casework is the command `anpr cases`: the work list of the processing centre without a browser. Each command
// asks the office over HTTP, so the office's rights, its look-up log and its four eyes hold for the command line too.
package casework

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gvc-brussels/anpr/cmd/ask"
	"github.com/gvc-brussels/anpr/pipeline/office"
)

// Cmd is anpr cases.
type Cmd struct {
	ask.ClientFlags
	Purpose string `help:"traffic, judicial or operation, which shows no plate. Default: what your role may state."`
	For     string `help:"What the work is for, in words; it is logged with your name. Default, of the purpose traffic alone: the processing of traffic offences in this shift."`
	CaseRef string `help:"Number of the file; the judicial purpose needs one."`
	Lang    string `help:"Language of the answers: nl, fr or en. Default: that of the terminal."`

	ProsecutorRef string `help:"Number of the prosecutor's decision; opens data older than one month."`

	Next          nextCmd          `cmd:"" help:"Take the next case that nobody has, and show it."`
	Show          showCmd          `cmd:"" help:"All of one case."`
	Confirm       confirmCmd       `cmd:"" help:"Confirm a case. You say by it: plate, country and vehicle are those in the picture, there is one vehicle, and place and time agree."`
	Reject        rejectCmd        `cmd:"" help:"Reject a case, with a reason."`
	CorrectPlate  correctPlateCmd  `cmd:"" help:"Confirm a case with the plate that stands in the picture; a second person looks."`
	Key           keyCmd           `cmd:"" help:"Key the plate from the picture, or say that it is not legible."`
	Hold          holdCmd          `cmd:"" help:"Stop a case until a day."`
	Flag          flagCmd          `cmd:"" help:"Hand a case to a supervisor."`
	Skip          skipCmd          `cmd:"" help:"Leave a case to somebody else."`
	Undo          undoCmd          `cmd:"" help:"Take your last verdict back, within ten seconds."`
	Note          noteCmd          `cmd:"" help:"Add a remark to a case."`
	Pictures      picturesCmd      `cmd:"" help:"Save the pictures of a case in a directory."`
	List          listCmd          `cmd:"" help:"What waits, in the order of its clock; with --held what is held, and for what."`
	Find          findCmd          `cmd:"" help:"Cases of a plate, a number or an offence."`
	Stats         statsCmd         `cmd:"" help:"How much there is to decide, and by when; what is held, and your last answers."`
	Release       releaseCmd       `cmd:"" help:"Supervisor: end a hold, complete the lane, or settle a doubt."`
	CloseIncident closeIncidentCmd `cmd:"" name:"close-incident" help:"Supervisor: say that what did not hold was looked at and settled."`
	Drop          dropCmd          `cmd:"" help:"Supervisor: take a case back before transmission."`
	Arbitrate     arbitrateCmd     `cmd:"" help:"Supervisor: end an arbitration."`
	Counter       counterCmd       `cmd:"" help:"Decide against an earlier verdict; a second person looks."`
	Track         trackCmd         `cmd:"" help:"Supervisor: send a case another way."`
	Assign        assignCmd        `cmd:"" help:"Supervisor: give cases to a colleague for a time."`
	Transmit      transmitCmd      `cmd:"" help:"Supervisor: hand the confirmed cases of a track over, in batches; each is verified before."`
	Transmissions transmissionsCmd `cmd:"" help:"Supervisor: batches that were handed over, what waits and why, and annulments without an answer."`
	Answer        answerCmd        `cmd:"" help:"Supervisor: record the answer of a recipient."`
	Mend          mendCmd          `cmd:"" help:"Supervisor: say what was mended of a case that came back."`
	Annul         annulCmd         `cmd:"" help:"Supervisor: take a case back after it was handed over; a second person approves."`
	Return        returnCmd        `cmd:"" help:"Prosecutor: send a case back."`
	Bulk          bulkCmd          `cmd:"" help:"Supervisor: withdraw, expire or annul many cases, with a second person."`
	Wires         wiresCmd         `cmd:"" help:"Supervisor: tripwires, with their evidence: cameras and rules of which nothing is issued."`
	StopIssuing   stopIssuingCmd   `cmd:"" name:"stop-issuing" help:"Supervisor: stop issuing of a camera and a family of rules at once."`
	ReleaseWire   releaseWireCmd   `cmd:"" name:"release-wire" help:"Supervisor: release a tripwire; its cases are decided again."`
	HoldCamera    holdCameraCmd    `cmd:"" help:"Supervisor: hold the undecided cases of a camera; without --confirm it only counts."`
}

// desk is the office as one command uses it.
type desk struct {
	*office.Client
	j    office.Justification
	lang string
	role string
	json bool
}

// openDesk signs in as anpr query does, and takes the purpose that is open for this work, if there is one.
func (q *Cmd) openDesk(ctx context.Context) (*desk, error) {
	c, err := q.NewClient()
	if err != nil {
		return nil, err
	}
	d := &desk{Client: c, lang: q.Lang, json: q.JSON}
	if d.lang == "" {
		d.lang = c.Lang
	}
	if _, ok := labels[d.lang]; !ok {
		return nil, fmt.Errorf("--lang %.20q is none of nl, fr and en", d.lang)
	}
	me, err := c.Me(ctx)
	if err != nil {
		return nil, d.explain(err)
	}
	d.role = me.Role
	d.j, err = q.justify(q.purposeFor(me.MayState), d.lang)
	if err != nil {
		return nil, err
	}
	c.ResumePurpose(me, d.j)
	return d, nil
}

// purposeFor returns the purpose of the work: the given one, else the first that the person may state.
func (q *Cmd) purposeFor(mayState []string) string {
	if q.Purpose != "" {
		return q.Purpose
	}
	for _, p := range []string{"traffic", "judicial"} {
		if slices.Contains(mayState, p) {
			return p
		}
	}
	return "operation"
}

// justify says what the work is for. The reason of a shift is true of the purpose traffic alone; whoever states another
// one says why. Operation shows no plate and needs no reason.
func (q *Cmd) justify(purpose, lang string) (office.Justification, error) {
	j := office.Justification{Purpose: purpose, Reason: q.For, CaseRef: q.CaseRef, ProsecutorRef: q.ProsecutorRef}
	if j.Reason != "" || purpose == "operation" {
		return j, nil
	}
	if purpose != "traffic" {
		return j, errors.New(labels[lang]["need_for"])
	}
	j.Reason = labels[lang]["reason"]
	return j, nil
}

// explain words an error of the office for the person at the terminal.
func (d *desk) explain(err error) error {
	e, ok := errors.AsType[*office.APIError](err)
	if !ok {
		return err
	}
	if text := problems[e.Code].in(d.lang); text != "" {
		return fmt.Errorf("%s%s (%s: %s)", text, d.changes(e.Faults), e.Code, e.Detail)
	}
	return ask.ExplainSignIn(err, d.lang)
}

// changes says what happened to a case since the person looked, and who did it; "" = the office named nothing.
func (d *desk) changes(faults []office.Fault) string {
	var out []string
	version := ""
	for _, f := range faults {
		switch {
		case f.Field == "version" && len(f.Args) == 1:
			version = f.Args[0]
		case f.Field == "event" && len(f.Args) == 4:
			said := []string{d.word(f.Args[1])}
			if f.Args[2] != "" {
				said = append(said, f.Args[2])
			}
			if at, err := time.Parse(time.RFC3339, f.Args[3]); err == nil {
				said = append(said, clock(at))
			}
			out = append(out, strings.Join(said, ", "))
		}
	}
	if version == "" {
		return ""
	}
	return printable(" " + fmt.Sprintf(labels[d.lang]["now_version"], version) + strings.Join(append([]string{""}, out...), "; "))
}

// print shows an answer as JSON, or as text.
func show[A any](d *desk, a *A, err error, text func(*A) error) error {
	switch {
	case err != nil:
		return d.explain(err)
	case d.json:
		return office.PrintJSON(os.Stdout, a)
	}
	return text(a)
}

// newKey makes the key under which a change is done once.
func newKey() string { return rand.Text() }

// caseArg names a case, and if wanted the version that the person saw: CASE or CASE@VERSION.
type caseArg struct {
	Case string `arg:"" help:"Case, as anpr cases next and list print it; with @ and a version, a case that changed since is refused."`
}

// split returns the id and the version; 0 = none is named.
func (c *caseArg) split() (id string, version int64, err error) {
	id, text, named := strings.Cut(c.Case, "@")
	if !named {
		return id, 0, nil
	}
	version, err = strconv.ParseInt(text, 10, 64)
	if err != nil || version < 1 {
		return "", 0, fmt.Errorf("%.60q: after @ comes the version of the case, a number", c.Case)
	}
	return id, version, nil
}

// changeOf returns a change of the case at the version that the person saw, else at the present one.
func (d *desk) changeOf(ctx context.Context, c *caseArg) (office.CaseChange, error) {
	id, version, err := c.split()
	if err != nil {
		return office.CaseChange{}, err
	}
	if version == 0 {
		a, err := d.Client.Case(ctx, d.j, id)
		if err != nil {
			return office.CaseChange{}, d.explain(err)
		}
		version = a.Case.Version
	}
	return office.CaseChange{CaseID: id, IfMatch: office.VersionTag(version), Key: newKey()}, nil
}

// takeCase takes the lease of a case, or keeps the one that the person has, and returns the item and the change.
func (d *desk) takeCase(ctx context.Context, c *caseArg) (*office.Item, office.CaseChange, error) {
	id, version, err := c.split()
	if err != nil {
		return nil, office.CaseChange{}, err
	}
	a, err := d.Lease(ctx, d.j, office.LeaseQuery{Queue: "decide", CaseID: id})
	if err != nil {
		return nil, office.CaseChange{}, d.explain(err)
	}
	if len(a.Items) != 1 {
		return nil, office.CaseChange{}, errors.New(labels[d.lang]["nothing"])
	}
	item := &a.Items[0]
	if version == 0 {
		version = item.Version
	}
	return item, office.CaseChange{CaseID: id, IfMatch: office.VersionTag(version), Key: newKey()}, nil
}

// shownMS is the time since the person took the item, in milliseconds.
func shownMS(item *office.Item) int64 {
	return max(time.Since(item.Lease.Since).Milliseconds(), 0)
}
