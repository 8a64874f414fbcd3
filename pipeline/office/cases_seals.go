package office

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/gvc-brussels/anpr/pipeline/cases"
	casestore "github.com/gvc-brussels/anpr/pipeline/cases/store"
	"github.com/gvc-brussels/anpr/pipeline/evidence"
	"github.com/gvc-brussels/anpr/pipeline/office/access"
	"github.com/gvc-brussels/anpr/pipeline/office/query"
)

// verifyCase compares a case with its sealed bytes, the bytes with the row in the tables, and its events with each
// other. What does not hold opens an incident on the case, and the answer is a problem that names the part.
func (o *Office) verifyCase(ctx context.Context, p access.Permit, d *casestore.Dossier) ([]SealTick, error) {
	sealed := SealTick{Part: "sealed", Holds: bytesHold(d)}
	chain := SealTick{Part: "chain", Holds: d.Problem == ""}
	row, err := o.verifyRow(ctx, p, d)
	if err != nil {
		return nil, err
	}
	missing := slices.ContainsFunc(d.Case.Incidents, func(i cases.Incident) bool { return i.Kind == cases.SealMissing })
	if missing && len(d.Sealed) == 0 { // taken in without its bytes, which its own incident says
		return []SealTick{sealed, row, chain}, nil
	}
	switch {
	case !sealed.Holds || !row.Holds:
		return nil, o.reportAltered(ctx, d, cases.SealBroken, append(slices.Clone(row.Columns), partOf(sealed)...))
	case !chain.Holds:
		return nil, o.reportAltered(ctx, d, cases.ChainBroken, []string{"events"})
	}
	return []SealTick{sealed, row, chain}, nil
}

// partOf names the part of a tick that does not hold.
func partOf(t SealTick) []string {
	if t.Holds {
		return nil
	}
	return []string{t.Part}
}

// verifyRow compares the row of the offence with the sealed bytes of the case.
func (o *Office) verifyRow(ctx context.Context, p access.Permit, d *casestore.Dossier) (SealTick, error) {
	out, at := SealTick{Part: "row", Holds: true}, d.Case.CapturedAt.Time()
	if d.Case.Attempt > 1 { // revived by the office, never a row of the pipeline
		out.Absent = true
		return out, nil
	}
	st, err := query.Sealed(p, []string{d.Case.Offence.String()}, at, at)
	if err != nil {
		return out, err
	}
	var rows []evidence.Row
	if err := o.selectRows(ctx, &rows, st); err != nil {
		return out, err
	}
	out.Absent = len(rows) == 0
	for i := range rows {
		out.Columns = append(out.Columns, rows[i].Altered()...)
		if rows[i].Sealed != string(d.Sealed) {
			out.Columns = append(out.Columns, "sealed")
		}
		if i > 0 && !rows[0].IsSame(&rows[i]) {
			out.Columns = append(out.Columns, "offence_id")
		}
	}
	slices.Sort(out.Columns)
	out.Columns = slices.Compact(out.Columns)
	out.Holds = len(out.Columns) == 0
	return out, nil
}

// alterationOf returns what does not hold in the case itself: its sealed bytes or the chain of its events. No part means
// that all holds, or that the case was taken in without its bytes, which its own incident says.
func alterationOf(d *casestore.Dossier) (cases.IncidentKind, []string) {
	missing := len(d.Sealed) == 0 && slices.ContainsFunc(d.Case.Incidents, func(i cases.Incident) bool { return i.Kind == cases.SealMissing })
	switch {
	case missing:
		return "", nil
	case !bytesHold(d):
		return cases.SealBroken, []string{"sealed"}
	case d.Problem != "":
		return cases.ChainBroken, []string{"events"}
	}
	return "", nil
}

// noteAltered opens the incident of an item that is not what it was. The item stays, and says that nobody may confirm it.
func (o *Office) noteAltered(ctx context.Context, l *cases.Leased, d *casestore.Dossier) error {
	kind, parts := alterationOf(d)
	if parts == nil {
		return nil
	}
	c, err := o.openAltered(ctx, d, kind, parts)
	if err == nil {
		l.Case.Version, l.Case.Incidents = c.Version, c.Incidents
	}
	return err
}

// reportAltered opens an incident on a case that is not what it was, and returns the answer in the place of the case.
func (o *Office) reportAltered(ctx context.Context, d *casestore.Dossier, kind cases.IncidentKind, parts []string) error {
	c, err := o.openAltered(ctx, d, kind, parts)
	if err != nil {
		return err
	}
	return nameIncidents(alteredProblem(parts), c)
}

// nameIncidents adds to a problem what a supervisor needs to close the incidents of the case that is not shown: their
// numbers, and the version of the case.
func nameIncidents(err error, c *cases.Case) error {
	p, ok := errors.AsType[*Problem](err)
	if !ok {
		return err
	}
	version := strconv.FormatInt(c.Version, 10)
	p.Errors = append(p.Errors, Fault{Field: "version", Code: codeSealBroken, Message: version + " is that of the case", Args: []string{version}})
	for _, i := range c.Incidents {
		n := strconv.FormatInt(i.N, 10)
		p.Errors = append(p.Errors, Fault{Field: "incident", Code: string(i.Kind), Message: n + " is open (" + string(i.Kind) + ")", Args: []string{n}})
	}
	return p
}

// openAltered counts and logs that a case is not what it was, and opens the incident unless it is open. It returns the
// case with the incident.
func (o *Office) openAltered(ctx context.Context, d *casestore.Dossier, kind cases.IncidentKind, parts []string) (*cases.Case, error) {
	o.cfg.Metrics.Altered.Inc()
	o.cfg.Logger.Error().Stringer("case_id", d.Case.ID).Strs("parts", parts).Msg("A CASE IS NOT AS IT WAS SEALED; nobody can confirm or send it until a supervisor closes the incident")
	if slices.ContainsFunc(d.Case.Incidents, func(i cases.Incident) bool { return i.Kind == kind }) {
		return &d.Case, nil
	}
	text := fmt.Sprintf("found when the case was shown: %v", parts)
	done, err := o.cfg.Cases.Store.Do(ctx, &casestore.Request{Case: d.Case.ID, Command: cases.OpenIncident{Kind: kind, Text: text}, By: cases.SystemActor()})
	if err != nil {
		return nil, o.noteStoreFailure(ctx, err)
	}
	return &done.Case, nil
}
