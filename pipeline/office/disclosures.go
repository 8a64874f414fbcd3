package office

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/gvc-brussels/anpr/pipeline/office/access"
	"github.com/gvc-brussels/anpr/pipeline/office/query"
	"github.com/gvc-brussels/anpr/pipeline/office/store"
)

// DisclosuresQuery asks to whom a plate was shown. People may demand this answer about their own plate.
type DisclosuresQuery struct {
	Justification Justification `json:"-"`
	TimeRange
	Paging
	Plate string `json:"plate" minLength:"1" maxLength:"64" doc:"One whole plate, no pattern. A German plate without its boundary stands for both; an answer without the boundary counts for each."`
}

// Disclosure is an answer that showed the plate, with the question.
type Disclosure struct {
	Seq           uint64    `json:"seq" doc:"number of the entry about the answer"`
	Of            uint64    `json:"of" doc:"number of the entry about the question"`
	At            time.Time `json:"at"`
	User          string    `json:"user"`
	Role          string    `json:"role"`
	Zone          string    `json:"zone"`
	Action        string    `json:"action"`
	Purpose       string    `json:"purpose"`
	Reason        string    `json:"reason"`
	CaseRef       string    `json:"case_ref,omitempty"`
	ProsecutorRef string    `json:"prosecutor_ref,omitempty"`
	Query         string    `json:"query" doc:"what was asked, as JSON; patterns and plates of others stand as their HMACs"`
	Named         bool      `json:"named" doc:"the question named this plate; else a pattern, a camera or a list without a plate brought it"`
	Rows          uint64    `json:"rows" doc:"rows of the answer, of all plates"`
	DistinctN     uint64    `json:"distinct_plates" doc:"plates of the answer"`
}

// Cursor returns the place after the row.
func (d *Disclosure) Cursor() query.Cursor { return query.KeyCursor(strconv.FormatUint(d.Seq, 10)) }

// DisclosuresAnswer is one page of answers that showed a plate, newest first.
type DisclosuresAnswer struct {
	Scope       Scope        `json:"scope"`
	Disclosures []Disclosure `json:"rows"`
	Next        string       `json:"next,omitempty"`
}

// listDisclosures lists the answers that showed a plate, by whatever question. A list with rows becomes one more such
// answer.
func (o *Office) listDisclosures(ctx context.Context, in *DisclosuresQuery) (*DisclosuresAnswer, error) {
	asked := in.addWindow(map[string]any{"plate": boundedText(in.Plate)})
	plate, err := query.ParsePlateFilter(in.Plate, false)
	if err == nil && (plate.IsZero() || plate.Wide()) {
		err = errors.New("must be one plate: a pattern is nobody's")
	}
	if err != nil {
		return nil, o.refuseInvalid(ctx, access.RouteDisclosures, "plate", "plate", err.Error(), asked)
	}
	asked["plate"] = plate.Text()
	l := lookup{route: access.RouteDisclosures, window: in.TimeRange, byPlate: true, plates: namedPlates(plate), asked: asked}
	return askFor(ctx, o, l, func(p access.Permit, most int) (*DisclosuresAnswer, answered, error) {
		page, err := o.pageOf(p.User(), "disclosures", in.Paging, most)
		if err != nil {
			return nil, answered{}, err
		}
		f, err := o.filterOf(&AccessLogQuery{}, p, plate.AllForms(), page)
		if err != nil {
			return nil, answered{}, err
		}
		found, err := o.cfg.LookUps.FindDisclosures(ctx, f)
		if err != nil {
			o.noteFailure(ctx, err)
			return nil, answered{}, fmt.Errorf("%w: %w", query.ErrDatabase, err)
		}
		out := &DisclosuresAnswer{Scope: scopeOf(p), Disclosures: make([]Disclosure, len(found))}
		for i := range found {
			out.Disclosures[i] = shownDisclosure(&found[i], plate.Text(), f.Marks)
		}
		var next query.Cursor
		out.Disclosures, next = splitPage[Disclosure](out.Disclosures, page.Limit)
		out.Next = o.pseudonyms.sealCursor(p.User(), "disclosures", next)
		out.Scope.noteCut(out.Next, page.Limit, in.Limit)
		shown := answered{rows: len(out.Disclosures), cut: out.Next != ""}
		if shown.rows > 0 {
			shown.plates = []string{plate.Text()}
		}
		return out, shown, nil
	})
}

// shownDisclosure replaces the plate's HMACs by the plate. Other people's plates stay HMACs, even when kept in clear.
func shownDisclosure(f *store.Disclosed, plate string, marks [][]byte) Disclosure {
	asked := f.Asked.Asked
	for _, m := range marks {
		asked = strings.ReplaceAll(asked, access.MarkText(f.Asked.KeyID, m), plate)
	}
	return Disclosure{
		Seq: f.Seq, Of: f.Of, At: f.At.Time(), User: f.User, Role: f.Role, Zone: f.Zones, Action: f.Operation, Purpose: f.Purpose,
		Reason: f.Asked.Reason, CaseRef: f.Asked.CaseRef, ProsecutorRef: f.Asked.ProsecutorRef,
		Query: asked, Named: f.Named, Rows: f.Rows, DistinctN: f.Entry.Plates,
	}
}
