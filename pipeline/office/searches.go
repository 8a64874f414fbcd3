package office

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gvc-brussels/anpr/pipeline/office/access"
	"github.com/gvc-brussels/anpr/pipeline/office/query"
	"github.com/gvc-brussels/anpr/pipeline/office/store"
	"github.com/gvc-brussels/anpr/schemas"
)

// Mode is a search's way to compare plates.
type Mode string

// Modes of a search. The default is ModePattern for a plate with ? or *, else ModeExact.
const (
	ModeExact     Mode = "exact"
	ModePattern   Mode = "pattern"
	ModeLooksLike Mode = "looks_like" // also plates that cameras confuse with the plate: a lead, never proof
)

// SearchQuery asks where a plate was, or which plates cameras saw. The client opens a purpose for the Justification.
type SearchQuery struct {
	Justification Justification `json:"-"`
	TimeRange
	Paging
	Plate   string   `json:"plate,omitempty" maxLength:"64" doc:"A plate, or a pattern with ? for one character and * for any number. Without it: everything that one camera saw."`
	Country string   `json:"country,omitempty" pattern:"^[A-Z]{1,3}$" doc:"Only plates read as of this country."`
	Mode    Mode     `json:"mode,omitempty" enum:"exact,pattern,looks_like" doc:"looks_like finds also plates that cameras confuse with it (0 O Q D, 1 I L, 2 Z, 5 S, 6 G, 8 B): leads, never proof."`
	Camera  []string `json:"cameras,omitempty" maxItems:"50" doc:"Only these cameras."`
	Count   bool     `json:"count,omitempty" doc:"Also count all reads, over all pages."`
}

// ReadsAnswer is one page of reads, newest first.
type ReadsAnswer struct {
	SearchID string       `json:"search_id" doc:"names the search: further pages and the journey are asked for by it"`
	Scope    Scope        `json:"scope"`
	Reads    []query.Read `json:"rows"`
	Next     string       `json:"next,omitempty" doc:"pass as after for the next page; absent on the last"`
	Count    *uint64      `json:"count,omitempty"`
}

// searchQuestion is a search as stored: the filters without the page.
type searchQuestion struct {
	Plate   string     `json:"plate,omitempty"`
	Country string     `json:"country,omitempty"`
	Mode    Mode       `json:"mode,omitempty"`
	From    *time.Time `json:"from,omitempty"`
	To      *time.Time `json:"to,omitempty"`
	Camera  []string   `json:"cameras,omitempty"`
}

// parsedSearch is a question after validation.
type parsedSearch struct {
	searchQuestion
	plate  query.PlateFilter
	window TimeRange
}

// maxCameraWindow bounds a look-up of all reads by cameras, because the answer names everybody who passed.
const maxCameraWindow = 24 * time.Hour

// fieldError is a wrong field in a question.
type fieldError struct{ field, code, detail string }

// Error names the field.
func (e *fieldError) Error() string { return e.field + " " + e.detail }

// parseQuestion validates a question, or names the wrong field.
func parseQuestion(q searchQuestion) (*parsedSearch, *fieldError) {
	s := &parsedSearch{searchQuestion: q}
	if q.From != nil {
		s.window.From = *q.From
	}
	if q.To != nil {
		s.window.To = *q.To
	}
	var err error
	if s.plate, err = query.ParsePlateFilter(q.Plate, q.Mode == ModeLooksLike); err != nil {
		code := "plate"
		if strings.ContainsAny(q.Plate, "?*") {
			code = codePatternWide
		}
		return nil, &fieldError{"plate", code, err.Error()}
	}
	switch {
	case q.Mode == ModeExact && s.plate.Wide():
		return nil, &fieldError{"plate", "plate", "has ? or *: search it with mode pattern"}
	case s.plate.IsZero() && len(q.Camera) != 1:
		return nil, &fieldError{"plate", access.FaultMissing, "or one camera must be given"}
	case s.plate.IsZero() && (q.From == nil || q.To == nil):
		return nil, &fieldError{"from", access.FaultMissing, "and to must be given when all that a camera saw is asked for"}
	case s.plate.IsZero() && s.window.To.Sub(s.window.From) > maxCameraWindow:
		return nil, &fieldError{"from", codeWindow, "and to may be 24 hours apart at most when all that a camera saw is asked for"}
	}
	return s, nil
}

// demandSecondPerson returns the question that needs a second person, or nil.
func (s *parsedSearch) demandSecondPerson(l *UserLimits) *secondPerson {
	width := s.window.To.Sub(s.window.From)
	var why string
	switch {
	case s.plate.IsZero() && width > time.Duration(l.CameraMinutes)*time.Minute:
		why = fmt.Sprintf("everything that a camera saw in more than %d minutes needs a second person: shorten the window, or ask for one with POST /v1/approvals", l.CameraMinutes)
	case s.plate.Wide() && (s.plate.Known() < l.PatternKnown || width > time.Duration(l.PatternDays)*24*time.Hour):
		why = fmt.Sprintf("a pattern of fewer than %d known characters or over more than %d days needs a second person: give more, or ask for one with POST /v1/approvals", l.PatternKnown, l.PatternDays)
	default:
		return nil
	}
	asked := s.searchQuestion
	asked.Plate = s.plate.Text() // normalised, so an approval covers every spelling
	text, err := json.Marshal(asked)
	if err != nil {
		panic("BUG: a question must marshal: " + err.Error())
	}
	return &secondPerson{kind: "search", question: text, why: why}
}

// describeForLog returns the filters for the log.
func (s *parsedSearch) describeForLog() map[string]any {
	return s.window.addWindow(map[string]any{
		"plate": s.plate.Text(), "confusable": s.Mode == ModeLooksLike, "country": s.Country, "camera": s.Camera,
	})
}

// asLookup turns the search into a look-up by a route.
func (s *parsedSearch) asLookup(route access.Route, limits *UserLimits) lookup {
	return lookup{
		route: route, window: s.window, wide: s.plate.Wide() || s.plate.IsZero(), byPlate: true, asked: s.describeForLog(), second: s.demandSecondPerson(limits),
		plates: namedPlates(s.plate),
	}
}

func questionOf(in *SearchQuery) searchQuestion {
	q := searchQuestion{Plate: in.Plate, Country: in.Country, Mode: in.Mode, Camera: in.Camera}
	if !in.From.IsZero() {
		from := in.From.UTC()
		q.From = &from
	}
	if !in.To.IsZero() {
		to := in.To.UTC()
		q.To = &to
	}
	return q
}

// startSearch answers a new search and stores the question.
func (o *Office) startSearch(ctx context.Context, in *SearchQuery) (*ReadsAnswer, error) {
	s, fault := parseQuestion(questionOf(in))
	if fault != nil {
		return nil, o.refuseInvalid(ctx, access.RouteSearch, fault.code, fault.field, fault.detail, in.TimeRange.addWindow(map[string]any{"plate": boundedText(in.Plate), "camera": in.Camera}))
	}
	return askFor(ctx, o, s.asLookup(access.RouteSearch, &o.cfg.Limits), func(p access.Permit, most int) (*ReadsAnswer, answered, error) {
		text, err := json.Marshal(s.searchQuestion)
		if err != nil {
			return nil, answered{}, fmt.Errorf("write the question: %w", err)
		}
		out, shown, err := o.pageOfReads(ctx, p, s, in.Paging, most)
		if err != nil {
			return nil, shown, err
		}
		if in.Count {
			if out.Count, err = o.countReads(ctx, p, s.makeFilter()); err != nil {
				return nil, shown, err
			}
		}
		out.SearchID, err = o.people.SaveSearch(ctx, p.PurposeID(), p.User(), text)
		return out, shown, err
	})
}

// boundedText bounds a text from an unanswerable request, for the log.
func boundedText(text string) string { return access.BoundText(text, 64) }

// SearchPageQuery asks for one page in a search.
type SearchPageQuery struct {
	ID    string `path:"search_id" maxLength:"64"`
	After string `query:"after" maxLength:"512" doc:"next of the page before."`
	Limit int    `query:"limit" minimum:"1" maximum:"1000" default:"100" doc:"Rows of a page."`
}

// findSearch returns the user's search under the request's purpose. Any other search is not found, and the log has the
// attempt.
func (o *Office) findSearch(ctx context.Context, route access.Route, id string) (*parsedSearch, error) {
	who := signedIn(ctx)
	text, err := o.people.FindSearch(ctx, id, namedPurpose(ctx), who.User.Name)
	if errors.Is(err, store.ErrNotFound) {
		return nil, o.refuseNotFound(ctx, route, map[string]any{"search_id": boundedText(id)})
	}
	if err != nil {
		return nil, err
	}
	var q searchQuestion
	if err := json.Unmarshal(text, &q); err != nil {
		return nil, fmt.Errorf("kept question: %w", err)
	}
	s, fault := parseQuestion(q)
	if fault != nil {
		return nil, fmt.Errorf("kept question: %w", fault)
	}
	return s, nil
}

// refuseNotFound logs a request for an object that is missing or belongs to another user.
func (o *Office) refuseNotFound(ctx context.Context, route access.Route, asked map[string]any) error {
	text, err := json.Marshal(asked)
	if err != nil {
		return fmt.Errorf("write query for the access log: %w", err)
	}
	ask := access.Request{Route: route, Query: string(text)}
	if refusal, err := o.resolvePurpose(ctx, &ask); err != nil {
		return err
	} else if refusal != nil && refusal.Code == access.CodePurposeEnded {
		return o.refuseLookup(ctx, refusal, purposeLabel(ask.Purpose))
	}
	return o.refuseLookup(ctx, access.NewRefusal(signedIn(ctx).User, ask, access.CodeNotFound, "", notFoundText), purposeLabel(ask.Purpose))
}

// continueSearch answers one page in a search.
func (o *Office) continueSearch(ctx context.Context, in *SearchPageQuery) (*ReadsAnswer, error) {
	s, err := o.findSearch(ctx, access.RouteSearchPage, in.ID)
	if err != nil {
		return nil, err
	}
	l := s.asLookup(access.RouteSearchPage, &o.cfg.Limits)
	l.asked["search_id"] = in.ID
	return askFor(ctx, o, l, func(p access.Permit, most int) (*ReadsAnswer, answered, error) {
		out, shown, err := o.pageOfReads(ctx, p, s, Paging{After: in.After, Limit: in.Limit}, most)
		if err == nil {
			out.SearchID = in.ID
		}
		return out, shown, err
	})
}

func (s *parsedSearch) makeFilter() query.ReadFilter {
	return query.ReadFilter{Plate: s.plate, Cameras: s.Camera, Country: s.Country}
}

// listOfReads names the list in search cursors. All searches share the name: a cursor also works in another search by
// the same user.
const listOfReads = "reads"

// pageOfReads reads one page of reads within the permit.
func (o *Office) pageOfReads(ctx context.Context, p access.Permit, s *parsedSearch, paging Paging, most int) (*ReadsAnswer, answered, error) {
	page, err := o.pageOf(p.User(), listOfReads, paging, most)
	if err != nil {
		return nil, answered{}, err
	}
	var rows []query.Read
	if s.plate.IsZero() {
		rows, err = o.db.CameraReads(ctx, p, s.Camera, page)
	} else {
		rows, err = o.db.Reads(ctx, p, s.makeFilter(), page)
	}
	if o.noteFailure(ctx, err); err != nil {
		return nil, answered{}, err
	}
	out := &ReadsAnswer{Scope: scopeOf(p), Reads: []query.Read{}}
	rows, next := splitPage[query.Read](append(out.Reads, rows...), page.Limit)
	out.Reads, out.Next = rows, o.pseudonyms.sealCursor(p.User(), listOfReads, next)
	out.Scope.noteCut(out.Next, page.Limit, paging.Limit)
	o.addPositions(out.Reads)
	out.Scope.Coverage, err = o.findCoverage(ctx, p, s.Camera)
	return out, shownReads(out.Reads, out.Next != ""), err
}

// shownReads returns the rows and plates that reads disclose.
func shownReads(rows []query.Read, cut bool) answered {
	a := answered{rows: len(rows), cut: cut}
	for i := range rows {
		a.plates = append(append(a.plates, rows[i].Plate), rows[i].Alternatives...)
	}
	return a
}

func (o *Office) countReads(ctx context.Context, p access.Permit, f query.ReadFilter) (*uint64, error) {
	if f.Plate.IsZero() {
		return nil, newInvalid("count", "is for a plate or a pattern")
	}
	st, err := query.CountReads(p, f)
	if err != nil {
		return nil, err
	}
	var rows []struct {
		Count uint64 `ch:"count"`
	}
	if err := o.selectRows(ctx, &rows, st); err != nil {
		return nil, err
	}
	var n uint64
	for _, r := range rows {
		n += r.Count
	}
	return &n, nil
}

// JourneyQuery asks where the plate of an exact search was on one day.
type JourneyQuery struct {
	ID  string `path:"search_id" maxLength:"64"`
	Day string `query:"day" required:"true" format:"date" doc:"Brussels calendar day, as 2026-11-25."`
}

// JourneyAnswer has the day's reads, earliest first.
type JourneyAnswer struct {
	Scope Scope        `json:"scope"`
	Reads []query.Read `json:"rows"`
	Cut   bool         `json:"cut,omitempty" doc:"there are more than 1000, or than may be shown today; the earliest are left out"`
}

func (o *Office) showJourney(ctx context.Context, in *JourneyQuery) (*JourneyAnswer, error) {
	s, err := o.findSearch(ctx, access.RouteJourney, in.ID)
	if err != nil {
		return nil, err
	}
	day, err := schemas.ParseDay(in.Day)
	if err != nil {
		return nil, o.refuseInvalid(ctx, access.RouteJourney, "day", "day", "must be a day such as 2026-11-25", map[string]any{"search_id": in.ID, "plate": s.plate.Text()})
	}
	if s.plate.IsZero() || s.plate.Wide() || s.Mode == ModeLooksLike {
		return nil, o.refuseInvalid(ctx, access.RouteJourney, "plate", "search_id", "must be of a search of one plate, exact", map[string]any{"search_id": in.ID, "plate": s.plate.Text()})
	}
	l := lookup{
		route: access.RouteJourney, window: TimeRange{From: day.Start().Time(), To: (day + 1).Start().Time()}, byPlate: true, plates: []string{s.plate.Text()},
		asked: map[string]any{"plate": s.plate.Text(), "day": day.String(), "search_id": in.ID},
	}
	return askFor(ctx, o, l, func(p access.Permit, most int) (*JourneyAnswer, answered, error) {
		limit := min(query.MaxLimit, most)
		rows, err := o.db.Reads(ctx, p, query.ReadFilter{Plate: s.plate, Country: s.Country}, query.Page{Limit: limit})
		if o.noteFailure(ctx, err); err != nil {
			return nil, answered{}, err
		}
		out := &JourneyAnswer{Scope: scopeOf(p), Reads: []query.Read{}}
		if len(rows) > limit {
			rows, out.Cut = rows[:limit], true
		}
		slices.Reverse(rows)
		out.Reads = append(out.Reads, rows...)
		o.addPositions(out.Reads)
		out.Scope.Coverage, err = o.findCoverage(ctx, p, nil)
		return out, shownReads(out.Reads, out.Cut), err
	})
}

// selectRows runs a statement. A database failure is logged without the query's texts.
func (o *Office) selectRows(ctx context.Context, dest any, st query.Statement) error {
	err := o.db.Select(ctx, dest, st)
	o.noteFailure(ctx, err)
	return err
}

// addPositions adds the cameras' positions.
func (o *Office) addPositions(reads []query.Read) {
	if o.cfg.Camera == nil {
		return
	}
	for i := range reads {
		if c := o.cfg.Camera(reads[i].Camera); c != nil {
			reads[i].LatE6, reads[i].LonE6, reads[i].Street = c.LatE6, c.LonE6, shownStreet(c)
		}
	}
}

// streetOf returns the street of a camera by the registry of now; nil when the registry has none.
func (o *Office) streetOf(camera string) *schemas.Street {
	if o.cfg.Camera == nil {
		return nil
	}
	c := o.cfg.Camera(camera)
	if c == nil {
		return nil
	}
	return shownStreet(c)
}

// shownStreet returns a camera's street; nil when the registry names none.
func shownStreet(c *schemas.Camera) *schemas.Street {
	if c.Street.IsZero() {
		return nil
	}
	return &schemas.Street{NL: c.Street.NL, FR: c.Street.FR}
}

// noteFailure logs that the tables did not answer.
func (o *Office) noteFailure(ctx context.Context, err error) {
	if err != nil && ctx.Err() == nil && !errors.As(err, new(*query.FilterError)) {
		o.cfg.Logger.Warn().Err(err).Msg("query not answered")
	}
}
