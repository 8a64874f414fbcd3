package store

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/gvc-brussels/anpr/pipeline/cases"
	"github.com/gvc-brussels/anpr/schemas"
)

// noFile is the law of a family whose cases have no file.
type noFile struct{}

// ReadFile implements [cases.Filer].
func (noFile) ReadFile(q *cases.FileQuestion) (cases.FileReading, error) {
	return cases.FileReading{Answer: cases.FileAnswer{Verdict: q.Case.Decisive, Outcome: cases.FileNone, AmountCents: 5300, Verified: true, At: q.At}}, nil
}

// handover is a desk whose cases can be handed over.
type handover struct{ *desk }

func openHandover(t testing.TB) handover {
	d := openDesk(t)
	d.o.Filer, d.other.o.Filer = noFile{}, noFile{}
	return handover{d}
}

// confirm brings n cases to a confirmation that took effect, whose file was read.
func (d handover) confirm(n int) []cases.ID {
	d.t.Helper()
	var list []cases.Intake
	now := d.now()
	for i := range n {
		in := newIntake(i, now)
		in.Decision.On.Plate = schemas.MustPlate(fmt.Sprintf("1AAA%03d", i))
		list = append(list, in)
	}
	d.takeIn(list...)
	var ids []cases.ID
	for range n {
		item := d.lease(agent("an"), cases.QueueDecide)
		d.mustAnswer(agent("an"), &item, confirmation())
		ids = append(ids, item.Case.ID)
	}
	d.pass(11 * time.Second)
	for d.sweep() > 0 {
	}
	for {
		got, err := d.ReadFiles(d.t.Context())
		if err != nil {
			d.t.Fatal(err)
		}
		if got.Vehicles == 0 {
			return ids
		}
	}
}

// number gives every case its number.
func (d handover) number() {
	d.t.Helper()
	for {
		n, err := d.NumberCases(d.t.Context(), 100)
		if err != nil || n.Waiting != 0 {
			d.t.Fatalf("%+v, %v", n, err)
		}
		if n.Given == 0 {
			return
		}
	}
}

// nextNumber takes a number that nobody uses.
func (d handover) nextNumber(zone string) (number string, err error) {
	err = pgx.BeginFunc(d.t.Context(), d.pool, func(tx pgx.Tx) error {
		number, err = takeNumber(d.t.Context(), tx, zone, d.now())
		return err
	})
	return number, err
}

// numbers lists the numbers of all cases, sorted.
func (d handover) numbers() (out []string) {
	d.t.Helper()
	rows, err := d.pool.Query(d.t.Context(), "SELECT number FROM cases WHERE number <> '' ORDER BY 1")
	if err == nil {
		out, err = pgx.CollectRows(rows, pgx.RowTo[string])
	}
	if err != nil {
		d.t.Fatal(err)
	}
	return out
}

// batchOf is a batch of cases that somebody verified.
func (d handover) batchOf(ids ...cases.ID) *Batch {
	d.t.Helper()
	b := &Batch{ID: NewBatchID(), Track: cases.ImmediateCollection, By: supervisor("su"), Write: func(_ schemas.Micros, sent []cases.ID) (*BatchFile, error) {
		content := fmt.Appendf(nil, "%d cases", len(sent))
		sum := sha256.Sum256(content)
		return &BatchFile{KeyID: "k", SHA256: schemas.Digest(sum[:]), Content: content}, nil
	}}
	for _, id := range ids {
		got, err := d.Get(d.t.Context(), id)
		if err != nil {
			d.t.Fatal(err)
		}
		b.List = append(b.List, Sending{Case: id, Version: got.Case.Version, Command: cases.Transmit{SealHolds: true, PicturesHold: true}})
	}
	return b
}

func (d handover) mustSend(ids ...cases.ID) *Batch {
	d.t.Helper()
	b := d.batchOf(ids...)
	if sent, kept, err := d.SendBatch(d.t.Context(), b); err != nil || len(sent) != len(ids) || len(kept) != 0 {
		d.t.Fatalf("%d sent, kept %+v, %v", len(sent), kept, err)
	}
	return b
}

// Numbers have no gap and no duplicate, whatever two offices, rolled-back transactions and refusals do.
func TestNumbersHaveNoGapAndNoDuplicate(t *testing.T) {
	d := openHandover(t)
	ids := d.confirm(24)
	if _, err := d.Do(t.Context(), &Request{Case: ids[3], Command: cases.OpenIncident{Kind: cases.PictureMissing, Text: "gone"}, By: cases.SystemActor()}); err != nil {
		t.Fatal(err)
	}
	// An office is killed between the number and the end of its transaction.
	killed := errors.New("killed")
	if err := pgx.BeginFunc(t.Context(), d.pool, func(tx pgx.Tx) error {
		if _, err := takeNumber(t.Context(), tx, "5339", d.now()); err != nil {
			t.Error(err)
		}
		return killed
	}); !errors.Is(err, killed) {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			s := []*Store{d.Store, d.other}[i%2]
			for {
				n, err := s.NumberCases(context.WithoutCancel(t.Context()), 5)
				if err != nil {
					t.Error(err)
				}
				if n.Given == 0 {
					return
				}
			}
		})
	}
	wg.Wait()
	d.number() // what an office saw as taken while another rolled back
	year := d.now().Day().Year()
	var want []string
	for _, z := range []struct {
		zone string
		n    int
	}{{"5339", 12}, {"5340", 11}} {
		for i := range z.n {
			want = append(want, cases.FormNumber(z.zone, year, int64(i+1)))
		}
	}
	if got := d.numbers(); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	list, err := d.Obstacles(t.Context(), nil, nil, 10)
	if err != nil || len(list) != 1 || list[0].Case != ids[3] || !slices.Equal(list[0].Reasons, []string{string(cases.CodeIncident)}) {
		t.Errorf("obstacles: %+v, %v", list, err)
	}
	d.pass(400 * 24 * time.Hour) // the clock jumps into another year and back: each year goes on where it stood
	for i, by := range []time.Duration{0, -400 * 24 * time.Hour} {
		d.pass(by)
		if got, err := d.nextNumber("5339"); err != nil || got != cases.FormNumber("5339", d.now().Day().Year(), int64([]int{1, 13}[i])) {
			t.Errorf("the next number is %s, %v", got, err)
		}
	}
	if _, err := d.pool.Exec(t.Context(), "UPDATE pv_numbers SET last = last + 2"); err == nil {
		t.Error("the office may leave numbers out")
	}
	if _, err := d.pool.Exec(t.Context(), "UPDATE pv_numbers SET last = last - 1"); err == nil {
		t.Error("the office may give numbers again")
	}
	d.allHolds()
}

// A case that may not go stops no other, and what changed since it was verified stays.
func TestABatchIsWholeOrNothing(t *testing.T) {
	d := openHandover(t)
	ids := d.confirm(6)
	d.number()
	b := d.batchOf(ids...)
	b.List[1].Command.PicturesHold = false
	b.List[2].Command.ExportMissing = []string{"export_street", "export_lane"}
	if _, err := d.Do(t.Context(), &Request{Case: ids[3], Command: cases.Note{Text: "somebody acted meanwhile"}, By: supervisor("su")}); err != nil {
		t.Fatal(err)
	}
	fails := errors.New("no key")
	write := b.Write
	b.Write = func(schemas.Micros, []cases.ID) (*BatchFile, error) { return nil, fails }
	if _, _, err := d.SendBatch(t.Context(), b); !errors.Is(err, fails) {
		t.Fatalf("got %v", err)
	}
	if list, err := d.Transmissions(t.Context(), nil, nil, 0, 10); err != nil || len(list) != 0 || d.stateOf(ids[0]) != cases.Confirmed {
		t.Errorf("after a failure: %+v, %v", list, err)
	}
	b.Write = write
	var wg sync.WaitGroup
	twin := *b
	twin.ID = NewBatchID()
	var sent [2][]cases.Case
	for i, x := range []*Batch{b, &twin} { // two offices at once
		wg.Go(func() {
			var err error
			if sent[i], _, err = []*Store{d.Store, d.other}[i].SendBatch(t.Context(), x); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if len(sent[0])+len(sent[1]) != 3 || len(sent[0])*len(sent[1]) != 0 {
		t.Errorf("%d and %d cases sent, want 3 and 0", len(sent[0]), len(sent[1]))
	}
	list, err := d.Transmissions(t.Context(), nil, nil, 0, 10)
	if err != nil || len(list) != 1 || list[0].Cases != 3 || list[0].User != "su" {
		t.Fatalf("%+v, %v", list, err)
	}
	if file, err := d.TransmissionFile(t.Context(), list[0].ID); err != nil || string(file) != "3 cases" {
		t.Errorf("file: %q, %v", file, err)
	}
	rest, err := d.ReadyToSend(t.Context(), cases.ImmediateCollection, "", &b.By, 10)
	if err != nil || len(rest) != 3 {
		t.Errorf("%v wait, %v", rest, err)
	}
	if rest, err := d.ReadyToSend(t.Context(), cases.ToProsecutor, "", &b.By, 10); err != nil || len(rest) != 0 {
		t.Errorf("another track: %v, %v", rest, err)
	}
	if _, err := d.FindTransmission(t.Context(), list[0].ID, []string{"5340"}, nil); err == nil {
		t.Error("a supervisor of one zone sees a batch with cases of another")
	}
	d.allHolds()
}

// An answer is recorded once, whole, and for its own batch; an annulment is told until it is acknowledged.
func TestAnAnswerIsOfItsBatchAndCountsOnce(t *testing.T) {
	d := openHandover(t)
	ids := d.confirm(5)
	d.number()
	first, other := d.mustSend(ids[:4]...), d.mustSend(ids[4])
	number := map[cases.ID]string{}
	for _, b := range []*Batch{first, other} {
		list, err := d.SentCases(t.Context(), b.ID)
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range list {
			number[x.Case] = x.Number
		}
	}
	job := cases.SystemActor()
	for name, c := range map[string]struct {
		batch  cases.ID
		answer Answer
		want   string
	}{
		"a number of another batch": {first.ID, Answer{number[ids[4]], AnswerAcknowledged, ""}, number[ids[4]]},
		"a number of nobody":        {first.ID, Answer{"GV.1.000009/1999", AnswerAcknowledged, ""}, "GV.1.000009/1999"},
		"a return without a reason": {first.ID, Answer{number[ids[0]], AnswerReturned, " "}, "needs its reason"},
		"an annulment of nobody":    {first.ID, Answer{number[ids[0]], AnswerAnnulment, ""}, "contradicts"},
		"an outcome of nobody":      {first.ID, Answer{number[ids[0]], "lost", ""}, "must be"},
		"a batch of nobody":         {NewBatchID(), Answer{number[ids[0]], AnswerAcknowledged, ""}, "no such"},
	} {
		_, err := d.AnswerBatch(t.Context(), c.batch, []Answer{{number[ids[1]], AnswerAcknowledged, ""}, c.answer}, job)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", name, err, c.want)
		}
	}
	answer := []Answer{{number[ids[0]], AnswerAcknowledged, ""}, {number[ids[1]], AnswerAcknowledged, ""}, {number[ids[2]], AnswerReturned, "the plate is not legible"}}
	for i, want := range []Answered{{Acknowledged: 2, Returned: 1}, {Unchanged: 3}} {
		if got, err := d.AnswerBatch(t.Context(), first.ID, answer, job); err != nil || got != want {
			t.Errorf("time %d: %+v, %v, want %+v", i+1, got, err, want)
		}
	}
	if d.stateOf(ids[0]) != cases.Transmitted || d.stateOf(ids[2]) != cases.Returned || d.stateOf(ids[3]) != cases.Transmitted {
		t.Error("the answers are not in the cases")
	}
	if _, err := d.AnswerBatch(t.Context(), first.ID, []Answer{{number[ids[2]], AnswerAcknowledged, ""}}, job); err == nil {
		t.Error("a returned case is acknowledged")
	}
	su := supervisor("su")
	if _, err := d.Do(t.Context(), &Request{Case: ids[2], Command: cases.Mend{To: cases.Confirmed, Text: "the picture was sent again"}, By: su}); err != nil {
		t.Fatal(err)
	}
	again := d.mustSend(ids[2])
	if got, err := d.AnswerBatch(t.Context(), first.ID, answer, job); err != nil || got != (Answered{Unchanged: 3}) || d.stateOf(ids[2]) != cases.Transmitted {
		t.Errorf("the old answer after a new transmission: %+v, %v", got, err)
	}
	su.Approver = "sv"
	if _, err := d.Do(t.Context(), &Request{Case: ids[2], Command: cases.Annul{Reason: cases.DeviceWrong}, By: su}); err != nil {
		t.Fatal(err)
	}
	open, err := d.OpenNotices(t.Context(), nil, nil, 10)
	if err != nil || len(open) != 1 || open[0].Number != number[ids[2]] || open[0].Batch != again.ID.String() || open[0].Reason != string(cases.DeviceWrong) {
		t.Fatalf("%+v, %v", open, err)
	}
	for i, want := range []Answered{{Annulments: 1}, {Unchanged: 1}} {
		if got, err := d.AnswerBatch(t.Context(), again.ID, []Answer{{number[ids[2]], AnswerAnnulment, ""}}, job); err != nil || got != want {
			t.Errorf("acknowledged annulment, time %d: %+v, %v", i+1, got, err)
		}
	}
	if open, err := d.OpenNotices(t.Context(), nil, nil, 10); err != nil || len(open) != 0 {
		t.Errorf("%+v, %v", open, err)
	}
	times, err := d.StepTimes(t.Context(), []string{"5339"}, []cases.Regime{cases.RegimeTraffic}, d.now()-24*schemas.Hour, d.now()+schemas.Hour)
	if err != nil || len(times) != 3 {
		t.Fatalf("%+v, %v", times, err)
	}
	for i, x := range times {
		if x.Step != []Step{StepOpened, StepDecided, StepTransmitted}[i] || x.Cases != 3 || x.Median <= 0 || x.P90 < x.Median || i == 2 && x.Median < 11*schemas.Second || i == 0 && x.Median < schemas.Hour {
			t.Errorf("step %d: %+v", i, x)
		}
	}
	d.allHolds()
}

// A case that somebody asked to take back, with others, does not go meanwhile; refused or lapsed, it goes.
func TestACaseOfAnActThatWaitsForItsSecondPersonIsNotHandedOver(t *testing.T) {
	d := openHandover(t)
	ids := d.confirm(4)
	d.number()
	ask := func(id cases.ID) (approval string) {
		_, approval = d.askFor(&Bulk{Kind: BulkWithdraw, Choice: BulkChoice{Cases: []cases.ID{id}}, Reason: cases.LimitWrong, Text: "the sign said 50, the registry 30", By: supervisor("su")}, 1)
		return approval
	}
	waiting, refused, lapsed := ask(ids[0]), ask(ids[1]), ask(ids[2])
	d.decideApproval(refused, "other", "refused")
	if _, err := d.owner.Exec(t.Context(), "UPDATE approvals SET asked_at = asked_at - interval '9 hours' WHERE approval_id = $1::uuid", lapsed); err != nil {
		t.Fatal(err)
	}
	sent, kept, err := d.SendBatch(t.Context(), d.batchOf(ids...))
	if err != nil || len(sent) != 3 || len(kept) != 1 || kept[0].Case != ids[0] || !slices.Equal(kept[0].Reasons, []string{string(cases.CodeApproval)}) {
		t.Fatalf("%d sent, kept %+v, %v; want the three whose act does not wait", len(sent), kept, err)
	}
	d.decideApproval(waiting, "other", "approved")
	if _, kept, err := d.SendBatch(t.Context(), d.batchOf(ids[0])); err != nil || len(kept) != 1 {
		t.Errorf("approved and not done yet: kept %+v, %v", kept, err)
	}
	if err := runBulk(t.Context(), d.Store); err != nil || d.stateOf(ids[0]) != cases.Withdrawn {
		t.Errorf("after the act: %s, %v", d.stateOf(ids[0]), err)
	}
	d.allHolds()
}

// A case that nothing keeps and that nobody hands over is counted, and overdue after 26 hours; one that something keeps, was
// mended later or has no number is not. A remark does not make a case younger.
func TestACaseThatNobodyHandsOverIsOverdue(t *testing.T) {
	d := openHandover(t)
	ids := d.confirm(4)
	act := func(id cases.ID, cmd cases.Command, by cases.Actor) {
		t.Helper()
		if _, err := d.Do(t.Context(), &Request{Case: id, Command: cmd, By: by}); err != nil {
			t.Fatal(err)
		}
	}
	holds := func(when string, unsent, overdue int64, age schemas.Micros) {
		t.Helper()
		n, err := d.CountHandOver(t.Context())
		if err != nil || n.Unsent != unsent || n.UnsentFor < age || n.UnsentFor > age+schemas.Hour {
			t.Errorf("%s: %+v, %v, want %d for %v", when, n, err, unsent, age)
		}
		team, err := d.Team(t.Context(), TeamQuery{Rows: 10})
		if err != nil {
			t.Fatal(err)
		}
		got := int64(0)
		for _, r := range team.Inbox[InboxNotTransmitted].Reasons {
			if r.Reason == "batch_overdue" {
				got = r.N
			}
		}
		if got != overdue {
			t.Errorf("%s: %d cases are overdue in %+v, want %d", when, got, team.Inbox[InboxNotTransmitted], overdue)
		}
	}
	holds("before the number", 0, 0, 0)
	d.number()
	act(ids[3], cases.ChangeTrack{Track: cases.Alternative, Text: "a training in place of a fine"}, supervisor("su"))
	holds("numbered, one of them on the alternative track", 4, 0, 0)
	if err := d.NoteObstacle(t.Context(), ids[0], "export_place.street"); err != nil {
		t.Fatal(err)
	}
	d.pass(25 * time.Hour)
	holds("a day later", 3, 0, 25*schemas.Hour)
	act(ids[1], cases.Note{Text: "the recipient was called"}, supervisor("su"))
	d.mustSend(ids[2])
	act(ids[2], cases.Return{Reason: "the place is not complete"}, cases.SystemActor())
	act(ids[2], cases.Mend{To: cases.Confirmed, Text: "the street was added"}, supervisor("su"))
	d.pass(2 * time.Hour)
	holds("after 27 hours, one sent, returned and mended", 3, 2, 27*schemas.Hour)
	d.mustSend(ids[1])
	b := d.batchOf(ids[3])
	b.Track = cases.Alternative
	if sent, kept, err := d.SendBatch(t.Context(), b); err != nil || len(sent) != 1 {
		t.Fatalf("%d sent on the alternative track, kept %+v, %v", len(sent), kept, err)
	}
	holds("the overdue ones sent", 1, 0, 2*schemas.Hour)
}
