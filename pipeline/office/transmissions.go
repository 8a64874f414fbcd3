package office

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/gvc-brussels/anpr/pipeline/cases"
	casestore "github.com/gvc-brussels/anpr/pipeline/cases/store"
	"github.com/gvc-brussels/anpr/pipeline/office/access"
	"github.com/gvc-brussels/anpr/schemas"
)

// codeFileGone answers for a batch whose file is no longer kept.
const codeFileGone = "file_expired"

// TransmitQuery asks for a batch.
type TransmitQuery struct {
	Key  string `header:"Idempotency-Key" maxLength:"64" doc:"random; the same key gives the same batch"`
	Body struct {
		Track  string `json:"track" enum:"immediate_collection,prosecutor,regional,municipal,alternative"`
		Zone   string `json:"zone,omitempty" maxLength:"16" doc:"only cases of this police zone"`
		DryRun bool   `json:"dry_run,omitempty" doc:"check everything, hand nothing over"`
	}
}

// ShownTransmission is a batch that was handed over.
type ShownTransmission struct {
	BatchID      string     `json:"batch_id"`
	Track        string     `json:"track"`
	Zone         string     `json:"zone,omitempty" doc:"that was asked for"`
	User         string     `json:"user" doc:"who had it made"`
	MadeAt       time.Time  `json:"made_at"`
	Cases        int        `json:"cases"`
	Acknowledged int        `json:"acknowledged"`
	Returned     int        `json:"returned"`
	KeyID        string     `json:"key_id"`
	SHA256       string     `json:"sha256" doc:"of the file"`
	Size         int64      `json:"size"`
	HasFile      bool       `json:"has_file" doc:"the file is kept 90 days, and until each case has an answer"`
	DeliveredAt  *time.Time `json:"delivered_at,omitempty" doc:"when the file was put into the directory of the recipient; absent = not yet, or no directory is configured"`
	Tries        int        `json:"tries,omitempty" doc:"to deliver it that failed"`
	Problem      string     `json:"problem,omitempty" doc:"of the last try to deliver it"`
}

// KeptCase is a case that was not handed over.
type KeptCase struct {
	CaseID  string     `json:"case_id"`
	Number  string     `json:"number,omitempty"`
	Track   string     `json:"track,omitempty"`
	Zone    string     `json:"zone,omitempty"`
	SendBy  *time.Time `json:"send_by,omitempty"`
	Reasons []string   `json:"reasons" doc:"codes: export_ and a field, incident_open, seal_broken, picture_missing, picture_damaged, file_changed, ..."`
	FoundAt *time.Time `json:"found_at,omitempty"`
}

// TransmitAnswer says what was handed over.
type TransmitAnswer struct {
	Scope        Scope              `json:"scope"`
	Transmission *ShownTransmission `json:"transmission,omitempty" doc:"absent when no case goes, and in a dry run"`
	Cases        int                `json:"cases" doc:"that go, or would go"`
	Kept         []KeptCase         `json:"kept" doc:"cases that stay, and why"`
	More         bool               `json:"more" doc:"further cases of the track wait: ask again"`
	DryRun       bool               `json:"dry_run,omitempty"`
}

// TransmissionsQuery asks for the batches.
type TransmissionsQuery struct {
	To    time.Time `query:"to" doc:"made before; absent = now"`
	Limit int       `query:"limit" minimum:"0" maximum:"1000" doc:"batches; 0 = 50"`
}

// ReadyCount counts confirmed cases that wait.
type ReadyCount struct {
	Track    string `json:"track"`
	Zone     string `json:"zone"`
	Numbered int64  `json:"numbered" doc:"that have a number"`
	Bare     int64  `json:"without_number"`
}

// ShownNotice is an annulment that the recipient has not acknowledged.
type ShownNotice struct {
	CaseID     string    `json:"case_id"`
	BatchID    string    `json:"batch_id"`
	Number     string    `json:"number"`
	Track      string    `json:"track"`
	Reason     string    `json:"reason"`
	AnnulledAt time.Time `json:"annulled_at"`
	Copies     int       `json:"copies" doc:"notices that were written; they are repeated each day"`
	NextCopyAt time.Time `json:"next_copy_at"`
	Problem    string    `json:"problem,omitempty"`
}

// StepTime says how long a step of cases took, in a police zone.
type StepTime struct {
	Zone    string `json:"zone"`
	Step    string `json:"step" enum:"opened,decided,transmitted" doc:"opened: from the capture until people could decide; decided: until the first verdict; transmitted: from the last verdict until the first transmission"`
	Cases   int64  `json:"cases"`
	MedianS int64  `json:"median_s" doc:"half of the cases took at most this, in seconds"`
	P90S    int64  `json:"p90_s" doc:"nine of ten did"`
}

// TransmissionsAnswer lists batches, what waits and why, and annulments without an answer.
type TransmissionsAnswer struct {
	Scope   Scope               `json:"scope"`
	Rows    []ShownTransmission `json:"rows"`
	Ready   []ReadyCount        `json:"ready" doc:"confirmed cases by track and zone"`
	Kept    []KeptCase          `json:"kept" doc:"confirmed cases that something keeps from number or transmission, by due time"`
	Notices []ShownNotice       `json:"notices" doc:"annulments that the recipient has not acknowledged"`
	Steps   []StepTime          `json:"steps" doc:"how long the steps took that ended in the last 30 days"`
}

// TransmissionQuery names a batch.
type TransmissionQuery struct {
	ID string `path:"id" maxLength:"64"`
}

// SentCase is a case of a batch.
type SentCase struct {
	CaseID     string     `json:"case_id"`
	Number     string     `json:"number"`
	State      string     `json:"state" doc:"of the case now"`
	Outcome    string     `json:"outcome,omitempty" enum:"acknowledged,returned" doc:"answer of the recipient; absent = none yet"`
	Reason     string     `json:"reason,omitempty"`
	AnsweredAt *time.Time `json:"answered_at,omitempty"`
}

// TransmissionAnswer is a batch with its cases.
type TransmissionAnswer struct {
	Scope        Scope             `json:"scope"`
	Transmission ShownTransmission `json:"transmission"`
	Cases        []SentCase        `json:"cases"`
}

// AnswersQuery is the answer of a recipient, as the file of an answer has it.
type AnswersQuery struct {
	ID   string `path:"id" maxLength:"64"`
	Body struct {
		Form    string        `json:"form,omitempty" enum:"anpr-handover-answer/1"`
		BatchID string        `json:"batch_id,omitempty" maxLength:"64" doc:"must be the batch of the address"`
		Answers []CaseOutcome `json:"answers" minItems:"1" maxItems:"1000"`
	}
}

// CaseOutcome is what the recipient says of one case.
type CaseOutcome struct {
	Number  string `json:"number" minLength:"1" maxLength:"64"`
	Outcome string `json:"outcome" enum:"acknowledged,returned,annulment_acknowledged"`
	Reason  string `json:"reason,omitempty" maxLength:"2000" doc:"of a return"`
}

// AnswersAnswer counts what an answer changed.
type AnswersAnswer struct {
	Acknowledged int    `json:"acknowledged"`
	Returned     int    `json:"returned"`
	Annulments   int    `json:"annulments"`
	Unchanged    int    `json:"unchanged" doc:"said before"`
	LogSeq       uint64 `json:"log_seq"`
}

// registerTransmissions registers the routes of the hand-over.
func (o *Office) registerTransmissions(api huma.API) {
	get, post, one := http.MethodGet, http.MethodPost, "/v1/transmissions/{id}"
	registerRoute(api, route{access.RouteTransmit, post, "/v1/transmissions", "Hand the cases of a track over, or check that they can be", 200}, o.transmit)
	registerRoute(api, route{access.RouteTransmissions, get, "/v1/transmissions", "Batches, what waits and why, and annulments without an answer", 200}, o.listTransmissions)
	registerRoute(api, route{access.RouteTransmission, get, one, "A batch with its cases and their answers", 200}, o.showTransmission)
	registerRoute(api, route{access.RouteAnswers, post, one + "/answers", "Record what the recipient says of cases of a batch", 200}, o.answerTransmission)
	registerRoute(api, route{access.RouteReturn, post, "/v1/cases/{case_id}/returns", "Send a case back that was handed to the prosecutor's office", 200}, o.returnCase)
	registerRoute(api, route{access.RouteMend, post, "/v1/cases/{case_id}/mendings", "Say what was mended of a case that came back", 200}, o.mendCase)
	registerRoute(api, route{access.RouteAnnul, post, "/v1/cases/{case_id}/annulments", "Take a case back after transmission; a second person approves", 200}, o.annulCase)
	registerFile(api, route{access.RouteTransmissionFile, get, one + "/file", "The file of a batch: lists, a bundle a case, signed manifest", 200},
		fileForm{"the batch", newContent("binary", typeZIP), []int{400, 401, 403, 404, 410, 429, 500, 503}, "id of the purpose; without it the newest open one of the sign-in that allows it"}, o.fetchTransmission)
}

func shownTransmission(t *casestore.Transmission) ShownTransmission {
	return ShownTransmission{
		BatchID: t.ID.String(), Track: string(t.Track), Zone: t.Zone, User: t.User, MadeAt: t.MadeAt.Time(), Cases: t.Cases, Acknowledged: t.Acknowledged, Returned: t.Returned,
		KeyID: t.KeyID, SHA256: t.SHA256.String(), Size: t.Size, HasFile: t.HasFile, DeliveredAt: timeOf(t.DeliveredAt), Tries: t.Tries, Problem: t.Problem,
	}
}

// listTransmissions lists batches, with what waits.
func (o *Office) listTransmissions(ctx context.Context, in *TransmissionsQuery) (*TransmissionsAnswer, error) {
	const most = 200 // of what waits
	return askFor(ctx, o, lookup{route: access.RouteTransmissions, queue: true}, func(p access.Permit, _ int) (*TransmissionsAnswer, answered, error) {
		db, err := o.casesOf()
		if err != nil {
			return nil, answered{}, err
		}
		zones, regimes := p.Zones(), regimesOf(signedIn(ctx).User)
		out := &TransmissionsAnswer{Scope: scopeOf(p), Rows: []ShownTransmission{}, Ready: []ReadyCount{}, Kept: []KeptCase{}, Notices: []ShownNotice{}, Steps: []StepTime{}}
		var before schemas.Micros
		if !in.To.IsZero() {
			before = schemas.MicrosOf(in.To)
		}
		rows, err := db.Transmissions(ctx, zones, regimes, before, pageSize(in.Limit))
		if err != nil {
			return nil, answered{}, o.noteStoreFailure(ctx, err)
		}
		for i := range rows {
			out.Rows = append(out.Rows, shownTransmission(&rows[i]))
		}
		if err := o.addWaiting(ctx, db, out, zones, regimes, most); err != nil {
			return nil, answered{}, o.noteStoreFailure(ctx, err)
		}
		return out, answered{rows: len(out.Rows)}, nil
	})
}

// addWaiting adds what waits for a number, for transmission or for an answer.
func (o *Office) addWaiting(ctx context.Context, db *casestore.Store, out *TransmissionsAnswer, zones []string, regimes []cases.Regime, most int) error {
	ready, err := db.CountReady(ctx, zones, regimes)
	if err != nil {
		return err
	}
	for _, r := range ready {
		out.Ready = append(out.Ready, ReadyCount{string(r.Track), r.Zone, r.Numbered, r.Bare})
	}
	kept, err := db.Obstacles(ctx, zones, regimes, most)
	if err != nil {
		return err
	}
	for _, k := range kept {
		out.Kept = append(out.Kept, KeptCase{k.Case.String(), k.Number, string(k.Track), k.Zone, timeOf(k.SendBy), k.Reasons, timeOf(k.FoundAt)})
	}
	now, err := db.Clock(ctx)
	if err != nil {
		return err
	}
	steps, err := db.StepTimes(ctx, zones, regimes, now-30*24*schemas.Hour, now)
	if err != nil {
		return err
	}
	for _, x := range steps {
		out.Steps = append(out.Steps, StepTime{x.Zone, string(x.Step), x.Cases, int64(x.Median / schemas.Second), int64(x.P90 / schemas.Second)})
	}
	notices, err := db.OpenNotices(ctx, zones, regimes, most)
	for _, n := range notices {
		out.Notices = append(out.Notices, ShownNotice{n.Case.String(), n.Batch, n.Number, string(n.Track), n.Reason, n.AnnulledAt.Time(), n.Copies, n.NextCopyAt.Time(), n.Problem})
	}
	return err
}

// findTransmission returns a batch that the user may see, or the refusal that an unknown one gets too.
func (o *Office) findTransmission(ctx context.Context, p access.Permit, id string) (*casestore.Store, *casestore.Transmission, error) {
	db, err := o.casesOf()
	if err != nil {
		return nil, nil, err
	}
	notFound := func() error { return o.refuseNotFound(ctx, p.Route(), map[string]any{"batch_id": boundedText(id)}) }
	batch, err := cases.ParseID(id)
	if err != nil {
		return nil, nil, notFound()
	}
	t, err := db.FindTransmission(ctx, batch, p.Zones(), regimesOf(signedIn(ctx).User))
	if r, ok := errors.AsType[*cases.Refusal](err); ok && r.Code == cases.CodeNotFound {
		return nil, nil, notFound()
	}
	return db, &t, o.noteStoreFailure(ctx, err)
}

// showTransmission answers with a batch and its cases. It names no plate.
func (o *Office) showTransmission(ctx context.Context, in *TransmissionQuery) (*TransmissionAnswer, error) {
	l := lookup{route: access.RouteTransmission, asked: map[string]any{"batch_id": boundedText(in.ID)}, queue: true}
	return askFor(ctx, o, l, func(p access.Permit, _ int) (*TransmissionAnswer, answered, error) {
		db, t, err := o.findTransmission(ctx, p, in.ID)
		if err != nil {
			return nil, answered{}, err
		}
		list, err := db.SentCases(ctx, t.ID)
		if err != nil {
			return nil, answered{}, o.noteStoreFailure(ctx, err)
		}
		out := &TransmissionAnswer{Scope: scopeOf(p), Transmission: shownTransmission(t), Cases: []SentCase{}}
		for _, x := range list {
			out.Cases = append(out.Cases, SentCase{x.Case.String(), x.Number, string(x.State), x.Outcome, x.Reason, timeOf(x.AnsweredAt)})
		}
		return out, answered{rows: len(out.Cases)}, nil
	})
}

// fetchTransmission answers with the file of a batch. Its plates and pictures are in the look-up log before it leaves.
func (o *Office) fetchTransmission(ctx context.Context, in *TransmissionQuery) (*bundleFile, error) {
	if err := o.borrowPurpose(ctx, access.RouteTransmissionFile); err != nil {
		return nil, err
	}
	asked := map[string]any{"batch_id": boundedText(in.ID)}
	if err := o.demandFresh(ctx, access.Request{Route: access.RouteTransmissionFile, Query: writeAsked(asked)}); err != nil {
		return nil, err
	}
	return askFor(ctx, o, lookup{route: access.RouteTransmissionFile, asked: asked, queue: true}, func(p access.Permit, _ int) (*bundleFile, answered, error) {
		db, t, err := o.findTransmission(ctx, p, in.ID)
		if err != nil {
			return nil, answered{}, err
		}
		list, err := db.SentCases(ctx, t.ID)
		if err != nil {
			return nil, answered{}, o.noteStoreFailure(ctx, err)
		}
		shown := answered{rows: len(list)}
		for i := range list {
			shown.plates = append(shown.plates, list[i].Plate)
		}
		if shown.pictures, err = db.SentPictures(ctx, t.ID); err != nil {
			return nil, answered{}, o.noteStoreFailure(ctx, err)
		}
		file, err := db.TransmissionFile(ctx, t.ID)
		if err != nil {
			return nil, answered{}, o.noteStoreFailure(ctx, err)
		}
		if file == nil {
			return nil, answered{}, newProblem(http.StatusGone, codeFileGone, "the file was kept for 90 days and until each case had its answer")
		}
		return &bundleFile{Type: typeZIP, Disposition: `attachment; filename="` + casestore.FileOfBatch(t.ID) + `"`, Resource: "same-origin", Body: file}, shown, nil
	})
}

// answerTransmission records what the recipient says. The events are the recipient's; the look-up log says who brought
// them.
func (o *Office) answerTransmission(ctx context.Context, in *AnswersQuery) (*AnswersAnswer, error) {
	asked := map[string]any{"batch_id": boundedText(in.ID), "answers": len(in.Body.Answers)}
	return askFor(ctx, o, lookup{route: access.RouteAnswers, asked: asked, queue: true}, func(p access.Permit, _ int) (*AnswersAnswer, answered, error) {
		db, t, err := o.findTransmission(ctx, p, in.ID)
		if err != nil {
			return nil, answered{}, err
		}
		if in.Body.BatchID != "" && in.Body.BatchID != t.ID.String() {
			return nil, answered{}, newInvalid("batch_id", "is that of another batch than the address names")
		}
		list := make([]casestore.Answer, len(in.Body.Answers))
		for i, a := range in.Body.Answers {
			list[i] = casestore.Answer(a)
		}
		by := cases.SystemActor()
		by.Purpose, by.LogSeq = p.PurposeID(), p.Seq()
		n, err := db.AnswerBatch(ctx, t.ID, list, by)
		if err != nil {
			return nil, answered{}, o.refuseAct(ctx, access.RouteAnswers, "", err)
		}
		return &AnswersAnswer{n.Acknowledged, n.Returned, n.Annulments, n.Unchanged, p.Seq()}, answered{}, nil
	})
}
