package office

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"

	"github.com/gvc-brussels/anpr/pipeline/office/access"
	"github.com/gvc-brussels/anpr/pipeline/office/query"
)

// RetroQuery matches new list entries against reads stored before the listing. The client opens a purpose for the
// Justification.
type RetroQuery struct {
	Justification Justification `json:"-"`
	TimeRange
	Entries []query.RetroEntry `json:"entries" minItems:"1" maxItems:"20000"`
}

// RetroAnswer has a row for each entry and plate read within the scope.
type RetroAnswer struct {
	Scope      Scope              `json:"scope"`
	Entries    int                `json:"entries"`
	ListSHA256 string             `json:"list_sha256" doc:"of the list as JSON; the access log has it too"`
	Matches    []query.RetroMatch `json:"matches"`
}

func (o *Office) matchStoredReads(ctx context.Context, in *RetroQuery) (*RetroAnswer, error) {
	asked := in.addWindow(map[string]any{"entries": len(in.Entries)})
	plates := make([]string, len(in.Entries))
	for i := range in.Entries {
		plates[i] = plateOfAny(in.Entries[i].Plate)
	}
	for i := range in.Entries {
		e := &in.Entries[i]
		plate, err := query.ParsePlateFilter(e.Plate, e.Confusable)
		field := fmt.Sprintf("entries[%d].plate", i)
		switch {
		case err != nil:
			return nil, o.refuseInvalid(ctx, access.RouteRetro, "plate", field, err.Error(), asked, plates...)
		case plate.Wide() || plate.IsZero():
			return nil, o.refuseInvalid(ctx, access.RouteRetro, "plate", field, "must be one plate: a list has no patterns", asked, plates...)
		}
		e.Plate, plates[i] = plate.Text(), plate.Text()
	}
	sum, err := listSum(in.Entries)
	if err != nil {
		return nil, err
	}
	out := &RetroAnswer{Entries: len(in.Entries), ListSHA256: sum, Matches: []query.RetroMatch{}}
	asked["list_sha256"] = out.ListSHA256
	l := lookup{route: access.RouteRetro, window: in.TimeRange, byPlate: true, asked: asked, listed: plates}
	l.plates, l.second = o.boundList(signedIn(ctx).User, plates, out.ListSHA256)
	l.free = l.plates == nil
	return askFor(ctx, o, l, func(p access.Permit, _ int) (*RetroAnswer, answered, error) {
		out.Scope = scopeOf(p)
		matches, err := o.db.Retro(ctx, p, in.Entries)
		if o.noteFailure(ctx, err); err != nil {
			return nil, answered{}, err
		}
		out.Matches = append(out.Matches, matches...)
		shown := answered{rows: len(matches)}
		for i := range matches {
			shown.plates = append(shown.plates, matches[i].Plate, matches[i].ListedPlate)
		}
		out.Scope.Coverage, err = o.findCoverage(ctx, p, nil)
		return out, shown, err
	})
}

// listSum is a list's digest over the plates, in their order, with each plate's kind of match. Entry ids are left out,
// because the asker chooses ids freely.
func listSum(entries []query.RetroEntry) (string, error) {
	type asked struct {
		Plate      string `json:"plate"`
		Confusable bool   `json:"confusable,omitempty"`
	}
	list := make([]asked, len(entries))
	for i, e := range entries {
		plate, err := query.ParsePlateFilter(e.Plate, e.Confusable)
		if err != nil {
			return "", newInvalid(fmt.Sprintf("entries[%d].plate", i), err.Error())
		}
		list[i] = asked{plate.Text(), e.Confusable}
	}
	slices.SortFunc(list, func(a, b asked) int {
		return cmp.Or(cmp.Compare(a.Plate, b.Plate), boolOrder(a.Confusable, b.Confusable))
	})
	text, err := json.Marshal(slices.Compact(list))
	if err != nil {
		return "", fmt.Errorf("write the list for the access log: %w", err)
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:]), nil
}

func boolOrder(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

// boundList decides how a list is charged. A list within the hour's plates is charged plate by plate. A longer list
// needs a list owner or a second person. The list is then released as a whole: neither plates nor rows are charged.
func (o *Office) boundList(u *access.User, plates []string, sum string) (counted []string, second *secondPerson) {
	distinct := map[string]bool{}
	for _, p := range plates {
		distinct[p] = true
	}
	if len(distinct) <= o.cfg.Limits.PlatesHour {
		return plates, nil
	}
	if u.OwnsList() {
		return nil, nil
	}
	return nil, &secondPerson{
		kind: "list", question: fmt.Appendf(nil, `{"entries":%d,"list_sha256":%q}`, len(plates), sum),
		why: fmt.Sprintf("a list of more than %d plates is matched by those who own a list, or with a second person: ask for one with POST /v1/approvals", o.cfg.Limits.PlatesHour),
	}
}

// PrintRetro prints matches as a table.
func PrintRetro(w io.Writer, a *RetroAnswer) error {
	t := newTable(w, "ENTRY", "LISTED", "READ AS", "MATCH", "READS", "FIRST", "CAMERA", "LAST", "CAMERA", "ZONE")
	for i := range a.Matches {
		m := &a.Matches[i]
		t.addRow(m.Entry, m.ListedPlate, m.Plate, m.Match, strconv.FormatUint(m.Reads, 10), formatTime(m.FirstAt), m.FirstCamera, formatTime(m.LastAt), m.LastCamera, m.LastZone)
	}
	t.addNote("%d entries, list %s", a.Entries, a.ListSHA256)
	return t.finishTable(a.Scope, len(a.Matches), "")
}
