package office

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gvc-brussels/anpr/pipeline/cases"
	"github.com/gvc-brussels/anpr/pipeline/evidence"
	"github.com/gvc-brussels/anpr/pipeline/office/access"
	"github.com/gvc-brussels/anpr/schemas"
)

// caseUsers are the people of the tests of cases: name, role, zones and the rest of the entry. A token is the name.
const caseUsers = `users:
  - {name: an, role: gvc_agent, token_sha256: %s, valid_to: 2027-06-30, appointment: {number: A-an, from: 2026-01-01}}
  - {name: bo, role: gvc_agent, token_sha256: %s, valid_to: 2027-06-30, appointment: {number: A-bo, from: 2026-01-01}}
  - {name: cy, role: gvc_agent, token_sha256: %s, valid_to: 2027-06-30, appointment: {number: A-cy, from: 2026-01-01}}
  - {name: zo, role: gvc_agent, zones: ["5340"], token_sha256: %s, valid_to: 2027-06-30, appointment: {number: A-zo, from: 2026-01-01}}
  - {name: el, role: gvc_agent, regimes: [lez], token_sha256: %s, valid_to: 2027-06-30, appointment: {number: A-el, from: 2026-01-01}}
  - {name: no, role: gvc_agent, token_sha256: %s, valid_to: 2027-06-30}
  - {name: su, role: gvc_supervisor, token_sha256: %s, valid_to: 2027-06-30, appointment: {number: A-su, from: 2026-01-01}}
  - {name: pr, role: prosecutor, token_sha256: %s, valid_to: 2027-06-30}
  - {name: ju, role: jurist, token_sha256: %s, valid_to: 2027-06-30}
  - {name: au, role: auditor, token_sha256: %s, valid_to: 2027-06-30}
`

func useCaseUsers(t testing.TB, c *Config) {
	t.Helper()
	u, err := access.ReadUsers(strings.NewReader(listCaseUsers()))
	if err != nil {
		t.Fatal(err)
	}
	c.Users = u
}

// listCaseUsers writes the users file of the tests of cases.
func listCaseUsers() string {
	var hashes []any
	for _, name := range []string{"an", "bo", "cy", "zo", "el", "no", "su", "pr", "ju", "au"} {
		hashes = append(hashes, hash(name))
	}
	return fmt.Sprintf(caseUsers, hashes...)
}

// shiftReason is the reason that a shift states.
const shiftReason = "processing of traffic offences in this shift"

func shift() Justification { return Justification{Purpose: "traffic", Reason: shiftReason} }

// caseDesk is a desk with people who work on cases.
type caseDesk struct {
	*desk
	clerks map[string]*Client
	n      int
}

func newCaseDesk(t testing.TB, change func(*Config)) *caseDesk {
	t.Helper()
	d := &caseDesk{clerks: map[string]*Client{}}
	d.desk = newDesk(t, func(c *Config) {
		useCaseUsers(t, c)
		if change != nil {
			change(c)
		}
	})
	return d
}

// clerk returns the client of a person.
func (d *caseDesk) clerk(name string) *Client {
	if d.clerks[name] == nil {
		d.clerks[name] = &Client{BaseURL: d.server.URL, Token: name, HTTP: d.server.Client(), MaxWait: -1}
	}
	return d.clerks[name]
}

// pass moves the clock of cases, and lets an office write what the clock did.
func (d *caseDesk) pass(by time.Duration) {
	d.t.Helper()
	d.moved.Add(int64(by))
	if _, err := d.cases.Sweep(d.t.Context()); err != nil {
		d.t.Fatal(err)
	}
}

// made is a case of the tests with the row of its offence.
type made struct {
	intake cases.Intake
	row    map[string]any
}

// makeCase makes an offence as the pipeline has it, sealed, with its row.
func (d *caseDesk) makeCase(plate, zone string, change func(*cases.Intake)) *made {
	d.t.Helper()
	d.n++
	read := d.readRow(plate, "BRU-1", zone, time.Hour+time.Duration(d.n)*time.Second)
	row := d.offenceRow(read, "speed", "candidate")
	row["country"], row["verified"] = "BE", true
	sealRow(d.t, row)
	decision, err := evidence.ParseSealed([]byte(row["sealed"].(string)))
	if err != nil {
		d.t.Fatal(err)
	}
	decision.Seal = schemas.Sum([]byte(row["seal_sha256"].(string)))
	at := schemas.MicrosOf(time.Now())
	in := cases.Intake{
		Offence: decision.Offence, Attempt: 1, Sealed: []byte(row["sealed"].(string)), Seal: decision.Seal, Decision: decision, SealHolds: true, Zone: zone, Site: "S-BRU-1", Municipality: 21004,
		Regime: cases.RegimeTraffic, Track: cases.ImmediateCollection, Pictures: []cases.Picture{{Sum: schemas.DigestOf(decision.On.Image), Kind: cases.PictureScene}},
		Clocks: cases.Clocks{DecideBy: at + schemas.Micros(10*24)*schemas.Hour + schemas.Micros(d.n), SendBy: at + schemas.Micros(14*24)*schemas.Hour, DropBy: at + schemas.Micros(300*24)*schemas.Hour},
	}
	in.Decision.On.Confidence = 950
	if change != nil {
		change(&in)
	}
	return &made{in, row}
}

// takeIn makes a case and takes it in.
func (d *caseDesk) takeIn(plate, zone string, change func(*cases.Intake)) *made {
	d.t.Helper()
	m := d.makeCase(plate, zone, change)
	if got, err := d.cases.TakeIn(d.t.Context(), []cases.Intake{m.intake}); err != nil || got.New != 1 {
		d.t.Fatalf("intake: %+v, %v", got, err)
	}
	return m
}

// take leases the next item of a queue for a person, and notes its pictures as served.
func (d *caseDesk) take(name, queue string) *Item {
	d.t.Helper()
	a, err := d.clerk(name).Lease(d.t.Context(), shift(), LeaseQuery{Queue: queue, N: 1})
	if err != nil {
		d.t.Fatalf("%s leases from %s: %v", name, queue, err)
	}
	if len(a.Items) != 1 {
		d.t.Fatalf("%s got %d items from %s, want 1", name, len(a.Items), queue)
	}
	d.see(d.t.Context(), name, &a.Items[0])
	return &a.Items[0]
}

// see notes the pictures of an item as served.
func (d *caseDesk) see(ctx context.Context, name string, item *Item) {
	d.t.Helper()
	id, err := cases.ParseID(item.CaseID)
	if err != nil {
		d.t.Fatal(err)
	}
	for _, p := range item.Pictures {
		var sum schemas.Digest
		if err := sum.UnmarshalText([]byte(p.SHA256)); err != nil {
			d.t.Fatal(err)
		}
		if err := d.cases.NotePicture(ctx, name, id, sum); err != nil {
			d.t.Fatal(err)
		}
	}
}

// on begins a change of an item.
func on(item *Item) CaseChange {
	return CaseChange{CaseID: item.CaseID, IfMatch: VersionTag(item.Version), Key: item.Lease.ID}
}

// confirming is a confirmation of an item.
func confirming(item *Item) VerdictQuery {
	v := VerdictQuery{CaseChange: on(item)}
	v.Body.Verdict, v.Body.Lease, v.Body.Checks, v.Body.ShownMS, v.Body.Input = "confirm", item.Lease.ID, []bool{true, true, true, true, true}, 900, "key"
	return v
}

// rejecting is a rejection of an item.
func rejecting(item *Item, reason string) VerdictQuery {
	v := confirming(item)
	v.Body.Verdict, v.Body.Reason, v.Body.Checks = "reject", RejectReasonName(reason), nil
	return v
}

func (d *caseDesk) mustDecide(name string, v VerdictQuery) *CaseActAnswer {
	d.t.Helper()
	a, err := d.clerk(name).Verdict(d.t.Context(), shift(), v)
	if err != nil {
		d.t.Fatalf("%s decides: %v", name, err)
	}
	return a
}

// stateOf returns the present state of a case.
func (d *caseDesk) stateOf(id string) cases.State {
	d.t.Helper()
	caseID, err := cases.ParseID(id)
	if err != nil {
		d.t.Fatal(err)
	}
	got, err := d.cases.Get(d.t.Context(), caseID)
	if err != nil {
		d.t.Fatal(err)
	}
	return got.Case.State
}

// act does a command on a case as the system.
func (d *caseDesk) act(id string, cmd cases.Command) {
	d.t.Helper()
	if err := d.tryAct(id, cmd, cases.SystemActor()); err != nil {
		d.t.Fatalf("%T: %v", cmd, err)
	}
}

// codeOfError returns status and code of an office's answer; 200 and "" without an error.
func codeOfError(t testing.TB, err error) (int, string) {
	t.Helper()
	if err == nil {
		return http.StatusOK, ""
	}
	e, ok := err.(*APIError) //nolint:errorlint // the client returns this type
	if !ok {
		t.Fatalf("no answer of the office: %v", err)
	}
	return e.Status, e.Code
}

// sendAs sends a raw request as a person, with headers, and returns status and body.
func (d *caseDesk) sendAs(name string, q rawRequest, header http.Header) (int, string) {
	d.t.Helper()
	purpose, err := d.clerk(name).purposeOf(d.t.Context(), d.justificationOf(name))
	if err != nil {
		d.t.Fatal(err)
	}
	h := header.Clone()
	if h == nil {
		h = http.Header{}
	}
	if purpose != "" {
		h.Set(purposeHeader, purpose)
	}
	status, _, body, err := d.clerk(name).doRequest(d.t.Context(), q.method, q.url, []byte(q.body), h)
	if err != nil {
		d.t.Fatal(err)
	}
	return status, string(body)
}

// textOf writes a value as JSON.
func textOf(t testing.TB, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func aKey() string { return rand.Text() }

// justificationOf returns what a person of the tests states.
func (d *caseDesk) justificationOf(name string) Justification {
	switch name {
	case "ju", "au":
		return Justification{}
	case "pr":
		return Justification{Purpose: "judicial", Reason: why, CaseRef: aFile}
	}
	return shift()
}

// sealAgain seals the decision of an intake after a change.
func sealAgain(in *cases.Intake) {
	evidence.Seal(&in.Decision, schemas.Sum{})
	in.Sealed, in.Seal = in.Decision.Sealed, in.Decision.Seal
}
