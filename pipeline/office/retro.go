package office

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"strconv"

	"github.com/gvc-brussels/anpr/pipeline/office/access"
	"github.com/gvc-brussels/anpr/pipeline/office/query"
)

// RetroAsk is what a retro-match states; the list is the body.
type RetroAsk struct {
	Ask
	Window
}

// RetroList is the body of a retro-match.
type RetroList struct {
	Entries []query.RetroEntry `json:"entries" minItems:"1" maxItems:"20000"`
}

// RetroQuery matches new list entries against the reads that were stored before they were listed.
type RetroQuery struct {
	RetroAsk
	Body RetroList
}

// RetroAnswer has a row for each entry and plate that was read in the scope.
type RetroAnswer struct {
	Scope      Scope              `json:"scope"`
	Entries    int                `json:"entries"`
	ListSHA256 string             `json:"list_sha256" doc:"of the list as JSON; the access log has it too"`
	Matches    []query.RetroMatch `json:"matches"`
}

func (o *Office) retro(ctx context.Context, in *RetroQuery) (*RetroAnswer, error) {
	named := make([]string, len(in.Body.Entries))
	for i := range in.Body.Entries {
		named[i] = in.Body.Entries[i].Plate
	}
	visitOf(ctx).named = named
	for i := range in.Body.Entries {
		e := &in.Body.Entries[i]
		plate, err := query.ParsePlate(e.Plate, e.Confusable)
		field := fmt.Sprintf("entries[%d].plate", i)
		switch {
		case err != nil:
			return nil, invalid(field, err.Error())
		case plate.Wide() || plate.IsZero():
			return nil, invalid(field, "must be one plate: a list has no patterns")
		}
		e.Plate, named[i] = plate.Text(), plate.Text()
	}
	list, err := json.Marshal(in.Body.Entries)
	if err != nil {
		return nil, fmt.Errorf("write the list for the access log: %w", err)
	}
	sum := sha256.Sum256(list)
	out := &RetroAnswer{Entries: len(in.Body.Entries), ListSHA256: hex.EncodeToString(sum[:]), Matches: []query.RetroMatch{}}
	p, err := o.permit(ctx, lookup{
		route: access.RouteRetro, ask: in.Ask, window: in.Window, byPlate: true, listed: named,
		asked: in.logged(map[string]any{"entries": out.Entries, "list_sha256": out.ListSHA256}, in.Window),
	})
	if err != nil {
		return nil, err
	}
	out.Scope = scopeOf(p)
	matches, err := o.db.Retro(ctx, p, in.Body.Entries)
	o.failed(ctx, err)
	if err != nil {
		return nil, err
	}
	out.Matches = append(out.Matches, matches...)
	return out, nil
}

// PrintRetro prints matches as a table.
func PrintRetro(w io.Writer, a *RetroAnswer) error {
	t := newTable(w, "ENTRY", "LISTED", "READ AS", "MATCH", "READS", "FIRST", "CAMERA", "LAST", "CAMERA", "ZONE")
	for i := range a.Matches {
		m := &a.Matches[i]
		t.row(m.Entry, m.ListedPlate, m.Plate, m.Match, strconv.FormatUint(m.Reads, 10), clock(m.FirstAt), m.FirstCamera, clock(m.LastAt), m.LastCamera, m.LastZone)
	}
	t.note("%d entries, list %s", a.Entries, a.ListSHA256)
	return t.end(a.Scope, len(a.Matches), "")
}
