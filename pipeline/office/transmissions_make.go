package office

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/gvc-brussels/anpr/pipeline/cases"
	casestore "github.com/gvc-brussels/anpr/pipeline/cases/store"
	"github.com/gvc-brussels/anpr/pipeline/evidence/bundle"
	"github.com/gvc-brussels/anpr/pipeline/evidence/signing"
	"github.com/gvc-brussels/anpr/pipeline/handover"
	"github.com/gvc-brussels/anpr/pipeline/office/access"
	"github.com/gvc-brussels/anpr/schemas"
)

// Bounds of one batch, beside handover.MaxCases. What does not fit goes with the next.
const (
	batchTime  = 75 * time.Second // of making it; then it goes with the cases that are ready
	batchBytes = 64 << 20         // of bundles, unless one case alone has more
	casesTried = 1000             // so that cases that may not go keep no other from the batch
)

// batchMaker makes one batch.
type batchMaker struct {
	office *Office
	permit access.Permit
	desk   *EvidenceDesk
	track  cases.Track
	dryRun bool

	signer  *signing.Signer
	ready   map[cases.ID]*readyCase
	list    []casestore.Sending
	kept    []KeptCase
	size    int
	plates  []string
	written []schemas.Sum // pictures
}

// readyCase is a case that was verified now.
type readyCase struct {
	line     handover.Line
	bundle   bundle.CaseBundle
	plates   []string
	pictures []schemas.Sum
}

// transmit hands the cases of a track over, in one batch. Each is verified now, whatever was found before; one that may
// not go stays, with its reasons, and stops no other.
func (o *Office) transmit(ctx context.Context, in *TransmitQuery) (*TransmitAnswer, error) {
	b := &in.Body
	asked := map[string]any{"track": b.Track, "zone": boundedText(b.Zone), "dry_run": b.DryRun}
	if err := o.demandFresh(ctx, access.Request{Route: access.RouteTransmit, Query: writeAsked(asked)}); err != nil {
		return nil, err
	}
	return askFor(ctx, o, lookup{route: access.RouteTransmit, asked: asked, queue: true}, func(p access.Permit, _ int) (*TransmitAnswer, answered, error) {
		db, err := o.casesOf()
		if err != nil {
			return nil, answered{}, err
		}
		if err := o.batches.Acquire(ctx, 1); err != nil { // one batch at a time is in memory
			return nil, answered{}, fmt.Errorf("wait for another batch: %w", err)
		}
		defer o.batches.Release(1)
		if in.Key != "" && !b.DryRun {
			if t, ok, err := db.FindRequest(ctx, p.User(), in.Key); err != nil || ok {
				return o.answerAgain(ctx, p, in, &t, err)
			}
		}
		by := o.actorOf(ctx, p, "")
		ids, err := db.ReadyToSend(ctx, cases.Track(b.Track), b.Zone, &by, casesTried)
		if err != nil {
			return nil, answered{}, o.noteStoreFailure(ctx, err)
		}
		m := &batchMaker{office: o, permit: p, desk: o.cfg.Evidence, track: cases.Track(b.Track), dryRun: b.DryRun, ready: map[cases.ID]*readyCase{}}
		more, err := m.verifyAll(ctx, ids)
		if err != nil {
			return nil, answered{}, err
		}
		out := &TransmitAnswer{Scope: scopeOf(p), Cases: len(m.list), More: more, DryRun: b.DryRun}
		if !b.DryRun && len(m.list) > 0 {
			out.Transmission, err = m.send(ctx, db, &casestore.Batch{ID: casestore.NewBatchID(), Track: m.track, Zone: b.Zone, Key: in.Key, By: by, List: m.list})
			if in.Key != "" && out.Transmission == nil { // another office may have answered the same request meanwhile
				if t, ok, again := db.FindRequest(ctx, p.User(), in.Key); again == nil && ok {
					return o.answerAgain(ctx, p, in, &t, nil)
				}
			}
			if err != nil {
				return nil, answered{}, err
			}
			if out.Cases = 0; out.Transmission != nil {
				out.Cases = out.Transmission.Cases
			}
		}
		out.Kept = append([]KeptCase{}, m.kept...)
		return out, answered{rows: out.Cases, plates: m.plates, pictures: m.written}, nil
	})
}

// answerAgain answers a request whose key made a batch before.
func (o *Office) answerAgain(ctx context.Context, p access.Permit, in *TransmitQuery, t *casestore.Transmission, err error) (*TransmitAnswer, answered, error) {
	if err != nil {
		return nil, answered{}, o.noteStoreFailure(ctx, err)
	}
	if string(t.Track) != in.Body.Track || t.Zone != in.Body.Zone {
		return nil, answered{}, newProblem(http.StatusUnprocessableEntity, codeKeyReused, "the key stood for another batch: give each batch a key of its own")
	}
	by := o.actorOf(ctx, p, "")
	waiting, err := o.cfg.Cases.Store.ReadyToSend(ctx, t.Track, t.Zone, &by, 1)
	if err != nil {
		return nil, answered{}, o.noteStoreFailure(ctx, err)
	}
	shown := shownTransmission(t)
	return &TransmitAnswer{Scope: scopeOf(p), Transmission: &shown, Cases: t.Cases, Kept: []KeptCase{}, More: len(waiting) > 0}, answered{}, nil
}

// verifyAll verifies cases until the batch is full or its time is over. more reports that some were left for the next.
func (m *batchMaker) verifyAll(ctx context.Context, ids []cases.ID) (more bool, err error) {
	if len(ids) == 0 {
		return false, nil
	}
	if m.desk == nil {
		return false, errNoEvidence
	}
	if m.signer, err = m.desk.Keys.Newest(); err != nil {
		return false, err
	}
	end := time.Now().Add(batchTime)
	for i, id := range ids {
		if len(m.list) == m.office.batchCases || m.size > batchBytes || i > 0 && time.Now().After(end) {
			return true, nil
		}
		d, reasons, err := m.verify(ctx, id)
		switch {
		case err != nil:
			return false, err
		case len(reasons) > 0:
			if err := m.keep(ctx, &d.Case, reasons); err != nil {
				return false, err
			}
		}
	}
	return len(ids) == casesTried, nil
}

// keep notes why a case stays.
func (m *batchMaker) keep(ctx context.Context, c *cases.Case, reasons []string) error {
	m.kept = append(m.kept, KeptCase{CaseID: c.ID.String(), Number: c.Number, Track: string(c.Track), Zone: c.Zone, SendBy: timeOf(c.SendBy), Reasons: reasons})
	if m.dryRun {
		return nil
	}
	return m.office.noteStoreFailure(ctx, m.office.cfg.Cases.Store.NoteObstacle(ctx, c.ID, reasons...))
}

// verify verifies one case now: seal, row, events, mandatory fields, each picture. reasons say why it may not go. An error
// is of the office, and ends the batch.
func (m *batchMaker) verify(ctx context.Context, id cases.ID) (d *casestore.Dossier, reasons []string, err error) {
	o := m.office
	if d, err = o.findCase(ctx, m.permit, id.String()); err != nil {
		return nil, nil, err
	}
	c := &d.Case
	if wired, err := o.cfg.Cases.Store.IsWired(ctx, c.Camera, c.Family); err != nil || wired {
		return d, []string{cases.HeldByWire}, o.noteStoreFailure(ctx, err)
	}
	if _, err := o.verifyCase(ctx, m.permit, d); err != nil {
		reasons, err = reasonOfProblem(err)
		return d, reasons, err
	}
	if len(c.Incidents) > 0 {
		return d, []string{codeIncidentOpen}, nil
	}
	blocks := c.Blocks
	if o.cfg.Cases.Blocks != nil {
		blocks = o.cfg.Cases.Blocks(d, m.track)
	}
	if len(blocks) > 0 {
		return d, slices.Clone(blocks), nil
	}
	hold, err := o.holdRoom(ctx, signedIn(ctx).User.Name)
	if err != nil {
		return nil, nil, err
	}
	defer hold.release()
	maker := &bundleMaker{office: o, desk: m.desk, route: access.RouteTransmit, d: d}
	ready := &readyCase{line: o.lineOf(d), plates: platesOfCase(c), bundle: bundle.CaseBundle{Number: c.Number, CaseID: c.ID.String()}}
	if m.dryRun {
		err = maker.addPictures(ctx)
	} else {
		ready.bundle.Data, ready.bundle.Sealed, err = maker.make(ctx)
	}
	if err != nil {
		reasons, err = reasonOfProblem(err)
		return d, reasons, err
	}
	if len(maker.shown) < neededPictures(c) {
		return d, []string{codePictureDeleted}, nil
	}
	sum := sha256.Sum256(ready.bundle.Data)
	ready.line.Bundle, ready.pictures = schemas.Digest(sum[:]).String(), maker.shown
	if faults := handover.CheckLine(ready.line); len(faults) > 0 {
		return d, faults, nil
	}
	m.ready[id] = ready
	m.size += len(ready.bundle.Data)
	m.list = append(m.list, casestore.Sending{Case: id, Version: c.Version, Command: cases.Transmit{SealHolds: true, PicturesHold: true}})
	return d, nil, nil
}

// neededPictures counts the distinct pictures of a case; a case without one cannot go.
func neededPictures(c *cases.Case) int {
	sums := sumsOf(c)
	slices.SortFunc(sums, func(a, b schemas.Sum) int { return slices.Compare(a[:], b[:]) })
	return max(len(slices.Compact(sums)), 1)
}

// reasonOfProblem returns the code of an answer that is about the case; any other error stays one.
func reasonOfProblem(err error) ([]string, error) {
	p, ok := errors.AsType[*Problem](err)
	if ok && (p.Status == http.StatusConflict || p.Status == http.StatusGone) {
		return []string{p.Code}, nil
	}
	return nil, err
}

// send hands the verified cases over. It returns nil when none of them went, because all changed meanwhile.
func (m *batchMaker) send(ctx context.Context, db *casestore.Store, b *casestore.Batch) (*ShownTransmission, error) {
	b.Write = func(at schemas.Micros, sent []cases.ID) (*casestore.BatchFile, error) {
		return m.writeFile(ctx, b, at, sent)
	}
	sent, kept, err := db.SendBatch(ctx, b)
	if err != nil {
		return nil, m.office.noteStoreFailure(ctx, err)
	}
	for i := range sent {
		r := m.ready[sent[i].ID]
		m.plates, m.written = append(m.plates, r.plates...), append(m.written, r.pictures...)
	}
	for _, k := range kept {
		line := &m.ready[k.Case].line
		m.kept = append(m.kept, KeptCase{CaseID: k.Case.String(), Number: line.Number, Track: line.Track, Zone: line.Place.Zone, Reasons: k.Reasons})
		if !slices.Contains(k.Reasons, string(cases.CodeStale)) && !slices.Contains(k.Reasons, string(cases.CodeDecided)) { // else somebody acted on it meanwhile
			if err := db.NoteObstacle(ctx, k.Case, k.Reasons...); err != nil {
				return nil, m.office.noteStoreFailure(ctx, err)
			}
		}
	}
	if len(sent) == 0 {
		return nil, nil //nolint:nilnil // there is no batch
	}
	t, err := db.FindTransmission(ctx, b.ID, nil, nil)
	if err != nil {
		return nil, m.office.noteStoreFailure(ctx, err)
	}
	shown := shownTransmission(&t)
	return &shown, nil
}

// writeFile writes the file of the cases that go.
func (m *batchMaker) writeFile(ctx context.Context, b *casestore.Batch, at schemas.Micros, sent []cases.ID) (*casestore.BatchFile, error) {
	var lines []handover.Line
	var bundles []bundle.CaseBundle
	for _, id := range sent {
		lines, bundles = append(lines, m.ready[id].line), append(bundles, m.ready[id].bundle)
	}
	list := handover.NewBatch(b.ID.String(), string(b.Track), at.Time(), lines)
	raw, err := list.JSON()
	if err != nil {
		return nil, err
	}
	if faults := handover.BatchSchema.Check(raw); len(faults) > 0 {
		return nil, fmt.Errorf("the list of the batch does not fit its schema: %w", faults[0])
	}
	schema, err := schemas.HandoverSchemas.ReadFile("handover/batch.schema.json")
	if err != nil {
		return nil, fmt.Errorf("schema of a batch: %w", err)
	}
	others := []bundle.Part{{Path: bundle.BatchPath, Data: raw}, {Path: "batch.schema.json", Data: schema}}
	if handover.HasCSV(string(b.Track)) {
		table, err := list.CSV()
		if err != nil {
			return nil, err
		}
		others = append(others, bundle.Part{Path: "batch.csv", Data: table})
	}
	file, err := bundle.WriteBatch(b.ID.String(), string(b.Track), bundles, others, m.signer, at.Time(), m.office.askStamp(ctx, m.desk))
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(file)
	return &casestore.BatchFile{KeyID: bundle.KeyID(m.signer.Public()), SHA256: schemas.Digest(sum[:]), Content: file}, nil
}
