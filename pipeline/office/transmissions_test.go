package office

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gvc-brussels/anpr/pipeline/cases"
	casestore "github.com/gvc-brussels/anpr/pipeline/cases/store"
	"github.com/gvc-brussels/anpr/pipeline/evidence/bundle"
	"github.com/gvc-brussels/anpr/pipeline/evidence/signing"
	"github.com/gvc-brussels/anpr/pipeline/handover"
	"github.com/gvc-brussels/anpr/pipeline/office/access"
	"github.com/gvc-brussels/anpr/schemas"
)

func init() {
	maps.Copy(request, map[access.Route]rawRequest{
		access.RouteReturn:           {"POST", "/v1/cases/" + anyID + "/returns", `{"reason":"the plate is not legible"}`},
		access.RouteMend:             {"POST", "/v1/cases/" + anyID + "/mendings", `{"to":"confirmed","text":"the picture was sent again"}`},
		access.RouteAnnul:            {"POST", "/v1/cases/" + anyID + "/annulments", `{"reason":"device_wrong"}`},
		access.RouteTransmit:         {"POST", "/v1/transmissions", `{"track":"prosecutor"}`},
		access.RouteTransmissions:    {"GET", "/v1/transmissions", ""},
		access.RouteTransmission:     {"GET", "/v1/transmissions/" + anyID, ""},
		access.RouteTransmissionFile: {"GET", "/v1/transmissions/" + anyID + "/file", ""},
		access.RouteAnswers:          {"POST", "/v1/transmissions/" + anyID + "/answers", `{"answers":[{"number":"GV.5339.000001/2026","outcome":"acknowledged"}]}`},
	})
}

// sendDesk is a desk that hands over: confirmed cases with numbers, and a second supervisor who may approve.
type sendDesk struct {
	*bundleDesk
	ids []string
}

func newSendDesk(t testing.TB) *sendDesk {
	t.Helper()
	keys, err := signing.Load(t.TempDir(), now)
	if err != nil {
		t.Fatal(err)
	}
	b := &bundleDesk{store: &album{kept: map[schemas.Sum][]byte{}}, desk: &EvidenceDesk{Keys: keys}}
	b.caseDesk = newCaseDesk(t, func(c *Config) {
		c.Pictures, c.Evidence = b.store, b.desk
		list := listCaseUsers() + fmt.Sprintf("  - {name: sv, role: gvc_supervisor, grants: [approve], token_sha256: %s, valid_to: 2027-06-30, appointment: {number: A-sv, from: 2026-01-01}}\n", hash("sv")) +
			fmt.Sprintf("  - {name: sz, role: gvc_supervisor, zones: [\"5340\"], token_sha256: %s, valid_to: 2027-06-30}\n", hash("sz"))
		if c.Users, err = access.ReadUsers(strings.NewReader(list)); err != nil {
			t.Fatal(err)
		}
	})
	return &sendDesk{bundleDesk: b}
}

// confirm brings cases of the track to a confirmation with a number.
func (d *sendDesk) confirm(track cases.Track, n int) []string {
	d.t.Helper()
	var ids []string
	for i := range n {
		d.takeIn(fmt.Sprintf("1ABC1%02d", len(d.ids)+i), "5339", func(in *cases.Intake) {
			in.Track, in.Decision.LegalBasis = track, "art. 62"
			withPictures(d.store.put(fmt.Appendf(nil, "\xff\xd8\xff picture %s %d", track, len(d.ids)+i)))(in)
		})
	}
	for range n {
		item := d.take("an", "decide")
		d.mustDecide("an", confirming(item))
		ids = append(ids, item.CaseID)
	}
	d.pass(time.Minute)
	for {
		if got, err := d.cases.ReadFiles(d.t.Context()); err != nil {
			d.t.Fatal(err)
		} else if got.Vehicles == 0 {
			break
		}
	}
	if got, err := d.cases.NumberCases(d.t.Context(), n); err != nil || got.Given != n {
		d.t.Fatalf("%+v, %v", got, err)
	}
	d.ids = append(d.ids, ids...)
	return ids
}

func (d *sendDesk) transmitAs(name string, track cases.Track, key string, dry bool) (*TransmitAnswer, error) {
	q := TransmitQuery{Key: key}
	q.Body.Track, q.Body.DryRun = string(track), dry
	return d.clerk(name).Transmit(d.t.Context(), shift(), q)
}

func (d *sendDesk) mustTransmit(track cases.Track) *TransmitAnswer {
	d.t.Helper()
	a, err := d.transmitAs("su", track, aKey(), false)
	if err != nil || a.Transmission == nil {
		d.t.Fatalf("%+v, %v\n%s", a, err, d.output)
	}
	return a
}

// reasonsOfKept returns why a case stayed.
func reasonsOfKept(a *TransmitAnswer, id string) []string {
	for i := range a.Kept {
		if a.Kept[i].CaseID == id {
			return a.Kept[i].Reasons
		}
	}
	return nil
}

// A batch goes with the cases that hold now. What does not hold stays, says why, and stops no other; the file verifies
// without the office, and every plate in it is in the look-up log before it leaves.
func TestABatchIsCompleteVerifiesAndLeavesOutWhatDoesNotHold(t *testing.T) {
	d := newSendDesk(t)
	ids := d.confirm(cases.ImmediateCollection, 6)
	other := d.confirm(cases.ToProsecutor, 1)
	d.office.cfg.Cases.Blocks = nil
	pictureOf := func(n int) schemas.Digest {
		return d.store.put(fmt.Appendf(nil, "\xff\xd8\xff picture %s %d", cases.ImmediateCollection, n))
	}
	d.store.set(pictureOf(1), nil)                           // lost
	d.store.set(pictureOf(2), []byte("\xff\xd8\xff forged")) // changed
	d.tamper("UPDATE cases SET sealed = 'x' WHERE case_id = $1", ids[3])
	d.tamper("UPDATE cases SET present = present || '{\"municipality\": 0}' WHERE case_id = $1", other[0]) // an invalid row of another track
	d.act(ids[4], cases.OpenIncident{Kind: cases.SealDiffers, Text: "came again"})

	dry, err := d.transmitAs("su", cases.ImmediateCollection, "", true)
	if err != nil || dry.Transmission != nil || dry.Cases != 2 || len(dry.Kept) != 4 {
		t.Fatalf("dry run: %+v, %v", dry, err)
	}
	if d.stateOf(ids[0]) != cases.Confirmed {
		t.Error("a dry run hands over")
	}
	key := aKey()
	d.bundleDesk.desk.Stamp = func(context.Context, []byte) ([]byte, error) { return []byte("token"), nil }
	a, err := d.transmitAs("su", cases.ImmediateCollection, key, false)
	if err != nil || a.Transmission == nil || a.Cases != 2 || a.More {
		t.Fatalf("%+v, %v\n%s", a, err, d.output)
	}
	for i, want := range map[int]string{1: codeIncidentOpen, 2: codeIncidentOpen, 3: codeSealBroken, 4: codeIncidentOpen} { // the dry run opened incidents of pictures
		if got := reasonsOfKept(a, ids[i]); !slices.Equal(got, []string{want}) || d.stateOf(ids[i]) != cases.Confirmed {
			t.Errorf("case %d stays for %v, want %s", i, got, want)
		}
	}
	again, err := d.transmitAs("su", cases.ImmediateCollection, key, false)
	if err != nil || again.Transmission == nil || again.Transmission.BatchID != a.Transmission.BatchID {
		t.Errorf("the same key again: %+v, %v", again, err)
	}
	if next, err := d.transmitAs("su", cases.ImmediateCollection, aKey(), false); err != nil || next.Transmission != nil || len(next.Kept) != 4 {
		t.Errorf("another batch of the same: %+v, %v", next, err)
	}
	if _, err := d.transmitAs("su", cases.ToProsecutor, key, false); err == nil {
		t.Error("a key stands for two batches")
	}
	before := d.logged("operation = 'transmission-file' AND outcome = 'granted'")
	file, err := d.clerk("su").TransmissionFile(t.Context(), shift(), a.Transmission.BatchID)
	if err != nil || d.logged("operation = 'transmission-file' AND outcome = 'granted'")-before != 1 {
		t.Fatalf("file: %v", err)
	}
	r := bundle.VerifyBatch(file, bundle.Trust{})
	if !r.Holds || len(r.Manifest.Cases) != 2 || r.Signature.StampNote != bundle.StampPresent {
		t.Fatalf("%+v", r)
	}
	d.checkLists(file, []string{ids[0], ids[5]})
	list, err := d.clerk("su").Transmissions(t.Context(), shift(), TransmissionsQuery{})
	if err != nil || len(list.Rows) != 1 || len(list.Kept) != 4 || !slices.ContainsFunc(list.Ready, func(c ReadyCount) bool { return c.Track == string(cases.ToProsecutor) && c.Numbered == 1 }) {
		t.Errorf("list: %+v, %v", list, err)
	}
	if len(list.Steps) != 3 || list.Steps[2].Step != "transmitted" || list.Steps[2].Cases != 2 {
		t.Errorf("steps: %+v", list.Steps)
	}
	if text := textOf(t, list); strings.Contains(text, "1ABC") {
		t.Errorf("the list names plates: %s", text)
	}
	for who, want := range map[string]int{"sz": 404, "an": 403, "pr": 403, "ju": 403} {
		status, body := d.sendAs(who, rawRequest{"GET", "/v1/transmissions/" + a.Transmission.BatchID + "/file", ""}, nil)
		if status != want || strings.Contains(body, "PK") {
			t.Errorf("%s fetches the file: %d, want %d", who, status, want)
		}
	}
}

// Two offices get the same request of a daily run at the same time, and one of them gets it again later: there is one batch
// of it, both name it, and who asks is told whether more waits. Its recipient needs nothing of the office to judge it.
func TestTwoOfficesMakeOneBatchOfOneRequest(t *testing.T) {
	d := newSendDesk(t)
	ids := d.confirm(cases.ImmediateCollection, 3)
	life, end := context.WithCancel(context.WithoutCancel(t.Context()))
	other, err := New(life, d.office.cfg)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(other.Handler())
	defer func() { server.Close(); end(); other.Wait() }()
	offices := []*Client{d.clerk("su"), {BaseURL: server.URL, Token: "su", HTTP: server.Client(), MaxWait: -1}}
	q := TransmitQuery{Key: "daily-2026-11-25-immediate_collection--1"}
	q.Body.Track = string(cases.ImmediateCollection)
	held, err := d.people.Begin(t.Context()) // a case, until both offices want to hand it over
	if err == nil {
		defer held.Rollback(t.Context()) //nolint:errcheck // it was rolled back, or the test failed
		_, err = held.Exec(t.Context(), "SELECT FROM cases FOR UPDATE")
	}
	if err != nil {
		t.Fatal(err)
	}
	var together sync.WaitGroup
	got, errs := make([]*TransmitAnswer, len(offices)), make([]error, len(offices))
	for i, c := range offices {
		together.Go(func() { got[i], errs[i] = c.Transmit(t.Context(), shift(), q) })
	}
	eventually(t, "both offices wait for the cases", func() error {
		n := 0
		err := d.logs.QueryRow(t.Context(), "SELECT count(*) FROM pg_locks l JOIN pg_stat_activity a USING (pid) WHERE NOT granted AND a.datname = current_database()").Scan(&n)
		if err == nil && n < len(offices) {
			err = fmt.Errorf("%d wait", n)
		}
		return err
	})
	if err := held.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	together.Wait()
	for i, a := range got {
		if errs[i] != nil || a.Transmission == nil || a.Transmission.BatchID != got[0].Transmission.BatchID || a.Cases != len(ids) || a.More {
			t.Fatalf("office %d: %+v, %v\n%s", i, a, errs[i], d.output)
		}
	}
	d.confirm(cases.ImmediateCollection, 1)
	if a, err := offices[1].Transmit(t.Context(), shift(), q); err != nil || a.Transmission.BatchID != got[0].Transmission.BatchID || !a.More {
		t.Errorf("the request again, while another case waits: %+v, %v", a, err)
	}
	if list, err := d.clerk("su").Transmissions(t.Context(), shift(), TransmissionsQuery{}); err != nil || len(list.Rows) != 1 {
		t.Errorf("%+v, %v", list, err)
	}
	file, err := offices[1].TransmissionFile(t.Context(), shift(), got[0].Transmission.BatchID)
	if err != nil {
		t.Fatal(err)
	}
	d.checkAsRecipient(file, ids)
}

// checkLists compares the two lists of a batch with its cases.
func (d *sendDesk) checkLists(file []byte, ids []string) {
	d.t.Helper()
	z, err := zip.NewReader(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		d.t.Fatal(err)
	}
	parts := partsOf(d.t, file)
	if len(z.File) != len(parts) || len(handover.BatchSchema.Check([]byte(parts["batch.json"]))) != 0 {
		d.t.Errorf("%d parts, %v", len(z.File), handover.BatchSchema.Check([]byte(parts["batch.json"])))
	}
	var b handover.Batch
	if err := json.Unmarshal([]byte(parts["batch.json"]), &b); err != nil {
		d.t.Fatal(err)
	}
	var got []string
	for i := range b.Cases {
		l := &b.Cases[i]
		got = append(got, l.CaseID)
		if l.Plate == "" || l.Officer.Name != "an" || l.Officer.Appointment != "A-an" || l.Place.Street == nil || l.Place.Street.FR != "Rue de la Loi" || l.Place.NIS != 21004 || l.SendBy.IsZero() ||
			!strings.Contains(parts["batch.csv"], l.Plate+";BE;") || parts["cases/"+l.CaseID+".zip"] == "" {
			d.t.Errorf("line %d: %+v", i, l)
		}
	}
	slices.Sort(ids)
	if slices.Sort(got); !slices.Equal(got, ids) {
		d.t.Errorf("the list has %v, want %v", got, ids)
	}
}

// A fault of the office ends the batch and hands nothing over: a store of pictures or a database that does not answer, a
// key that is gone.
func TestAFaultOfTheOfficeHandsNothingOver(t *testing.T) {
	d := newSendDesk(t)
	ids := d.confirm(cases.ToProsecutor, 1)
	d.store.down = errors.New("disk full")
	if _, err := d.transmitAs("su", cases.ToProsecutor, aKey(), false); err == nil {
		t.Error("handed over without pictures")
	}
	d.store.down = nil
	for name, c := range map[string]struct {
		break_, mend func()
	}{
		"the database of cases": {func() { d.rename("transmissions", "transmissions_away") }, func() { d.rename("transmissions_away", "transmissions") }},
		"the list of its cases": {func() { d.rename("transmitted_cases", "transmitted_away") }, func() { d.rename("transmitted_away", "transmitted_cases") }},
	} {
		c.break_()
		_, err := d.transmitAs("su", cases.ToProsecutor, aKey(), false)
		c.mend()
		if status, code := codeOfError(t, err); status != 503 || code != codeStoreDown || d.stateOf(ids[0]) != cases.Confirmed {
			t.Errorf("without %s: %d %s, the case is %s", name, status, code, d.stateOf(ids[0]))
		}
	}
	d.bundleDesk.desk.Stamp = func(context.Context, []byte) ([]byte, error) { return nil, errors.New("no route") }
	a := d.mustTransmit(cases.ToProsecutor)
	file, err := d.clerk("su").TransmissionFile(t.Context(), shift(), a.Transmission.BatchID)
	if err != nil || a.Cases != 1 {
		t.Fatalf("after the faults: %+v, %v", a, err)
	}
	if r := bundle.VerifyBatch(file, bundle.Trust{}); !r.Holds || r.Signature.StampNote != "none: the authority did not answer" {
		t.Errorf("while the authority is away: %+v", r)
	}
}

func (d *sendDesk) rename(from, to string) {
	d.t.Helper()
	if _, err := d.logs.Exec(d.t.Context(), "ALTER TABLE "+from+" RENAME TO "+to); err != nil {
		d.t.Fatal(err)
	}
}

// What comes after a transmission: answers, the prosecutor's dossier and return, mending, and an annulment by two persons
// of which the recipient is told.
func TestAfterATransmission(t *testing.T) {
	d := newSendDesk(t)
	ids := d.confirm(cases.ToProsecutor, 2)
	kept := d.confirm(cases.ToProsecutor, 1)
	d.act(kept[0], cases.OpenIncident{Kind: cases.SealDiffers, Text: "came again"})
	a := d.mustTransmit(cases.ToProsecutor)
	one, err := d.clerk("su").Transmission(t.Context(), shift(), a.Transmission.BatchID)
	if err != nil || len(one.Cases) != 2 {
		t.Fatalf("%+v, %v", one, err)
	}
	numbers := map[string]string{}
	for _, c := range one.Cases {
		numbers[c.CaseID] = c.Number
	}
	judicial := d.justificationOf("pr")
	for _, id := range slices.Concat(ids, kept) {
		want := 200
		if id == kept[0] {
			want = 404
		}
		_, err := d.clerk("pr").Case(t.Context(), judicial, id)
		if status, _ := codeOfError(t, err); status != want {
			t.Errorf("the prosecutor sees %s: %d, want %d", id, status, want)
		}
	}
	answer := func(text string) (*AnswersAnswer, error) {
		return d.clerk("su").AnswerTransmission(t.Context(), shift(), a.Transmission.BatchID, []byte(text))
	}
	whole := fmt.Sprintf(`{"form":"anpr-handover-answer/1","batch_id":%q,"answers":[{"number":%q,"outcome":"acknowledged"}]}`, a.Transmission.BatchID, numbers[ids[0]])
	for name, text := range map[string]string{
		"another batch": strings.Replace(whole, a.Transmission.BatchID, anyID, 1), "a number of nobody": strings.Replace(whole, numbers[ids[0]], "GV.5339.999999/2026", 1),
		"a plate in the place of a number": strings.Replace(whole, numbers[ids[0]], "1CANARY1", 1),
	} {
		_, err := answer(text)
		if status, code := codeOfError(t, err); status != 422 || code != access.CodeInvalid || strings.Contains(err.Error(), "CANARY") {
			t.Errorf("%s: %d %s: %v", name, status, code, err)
		}
	}
	for i, want := range []AnswersAnswer{{Acknowledged: 1}, {Unchanged: 1}} {
		got, err := answer(whole)
		if err != nil || got.Acknowledged != want.Acknowledged || got.Unchanged != want.Unchanged || got.LogSeq == 0 {
			t.Errorf("answer, time %d: %+v, %v", i+1, got, err)
		}
	}
	back := ReturnQuery{CaseChange: CaseChange{CaseID: ids[1], IfMatch: VersionTag(d.versionOf(ids[1])), Key: aKey()}}
	back.Body.Reason = "the place is not complete"
	if got, err := d.clerk("pr").ReturnCase(t.Context(), judicial, back); err != nil || got.State != string(cases.Returned) {
		t.Fatalf("%+v, %v", got, err)
	}
	mend := MendingQuery{CaseChange: CaseChange{CaseID: ids[1], IfMatch: VersionTag(d.versionOf(ids[1])), Key: aKey()}}
	mend.Body.To, mend.Body.Text = "confirmed", "the street was added to the registry"
	if got, err := d.clerk("su").MendCase(t.Context(), shift(), mend); err != nil || got.State != string(cases.Confirmed) {
		t.Fatalf("%+v, %v", got, err)
	}
	second := d.mustTransmit(cases.ToProsecutor)
	if again, err := d.clerk("su").Transmission(t.Context(), shift(), second.Transmission.BatchID); err != nil || len(again.Cases) != 1 || again.Cases[0].Number != numbers[ids[1]] {
		t.Errorf("handed over again: %+v, %v", again, err)
	}
	d.annul(ids[1], numbers[ids[1]], second.Transmission.BatchID)
}

// annul annuls a case: nobody alone, nobody for another reason, and the recipient acknowledges.
func (d *sendDesk) annul(id, number, batch string) {
	t := d.t
	t.Helper()
	x := AnnulmentQuery{CaseChange: CaseChange{CaseID: id, IfMatch: VersionTag(d.versionOf(id)), Key: aKey()}}
	x.Body.Reason = WithdrawReasonName(cases.DeviceWrong)
	try := func(name, code string) {
		t.Helper()
		x.Key = aKey()
		_, err := d.clerk(name).AnnulCase(t.Context(), shift(), x)
		if status, got := codeOfError(t, err); status != 403 || got != code {
			t.Errorf("%s annuls: %d %s, want %s", name, status, got, code)
		}
	}
	try("an", "role")
	try("su", string(cases.CodeApproval))
	asked, err := d.clerk("su").AskApproval(t.Context(), ApprovalQuery{Justification: shift(), Kind: kindAnnulment, CaseID: id, CaseReason: string(cases.LimitWrong)})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.clerk("sv").Decide(t.Context(), DecideQuery{ID: asked.ID, Approve: true}); err != nil {
		t.Fatal(err)
	}
	try("su", string(cases.CodeApproval)) // approved for another reason
	asked, err = d.clerk("su").AskApproval(t.Context(), ApprovalQuery{Justification: shift(), Kind: kindAnnulment, CaseID: id, CaseReason: string(cases.DeviceWrong)})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.clerk("su").Decide(t.Context(), DecideQuery{ID: asked.ID, Approve: true}); err == nil {
		t.Error("who asks approves")
	}
	try("su", string(cases.CodeApproval))
	if _, err := d.clerk("sv").Decide(t.Context(), DecideQuery{ID: asked.ID, Approve: true}); err != nil {
		t.Fatal(err)
	}
	x.Key = aKey()
	if got, err := d.clerk("su").AnnulCase(t.Context(), shift(), x); err != nil || got.State != string(cases.Annulled) {
		t.Fatalf("%+v, %v", got, err)
	}
	list, err := d.clerk("su").Transmissions(t.Context(), shift(), TransmissionsQuery{})
	if err != nil || len(list.Notices) != 1 || list.Notices[0].Number != number {
		t.Fatalf("notices: %+v, %v", list, err)
	}
	text := fmt.Sprintf(`{"answers":[{"number":%q,"outcome":"annulment_acknowledged"}]}`, number)
	if got, err := d.clerk("su").AnswerTransmission(t.Context(), shift(), batch, []byte(text)); err != nil || got.Annulments != 1 {
		t.Errorf("%+v, %v", got, err)
	}
}

// More cases than a batch has may not go, and are due first: the one behind them goes all the same.
func TestCasesThatMayNotGoKeepNoOtherFromTheBatch(t *testing.T) {
	d := newSendDesk(t)
	d.office.batchCases = 2
	d.confirm(cases.ImmediateCollection, 5)
	by := cases.Actor{User: "su", Role: cases.Supervisor}
	order, err := d.cases.ReadyToSend(t.Context(), cases.ImmediateCollection, "", &by, 1000)
	if err != nil || len(order) != 5 {
		t.Fatalf("%d cases are ready, %v", len(order), err)
	}
	last := order[len(order)-1]
	d.office.cfg.Cases.Blocks = func(d *casestore.Dossier, _ cases.Track) []string {
		if d.Case.ID == last {
			return nil
		}
		return []string{"export_street"}
	}
	a := d.mustTransmit(cases.ImmediateCollection)
	if a.Cases != 1 || len(a.Kept) != 4 || a.More || d.stateOf(last.String()) != cases.Transmitted {
		t.Errorf("%d go, %d stay, more %v", a.Cases, len(a.Kept), a.More)
	}
}
