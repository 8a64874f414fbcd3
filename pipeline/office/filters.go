package office

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"unicode"

	"github.com/gvc-brussels/anpr/pipeline/office/access"
	"github.com/gvc-brussels/anpr/pipeline/office/store"
	"github.com/gvc-brussels/anpr/schemas"
)

// SavedFilter is a filter of the work list under a name of the user's own. No field can hold a plate: the fields are
// closed sets and names of the camera registry, and a name has no digit. It has no date, which would soon be past.
type SavedFilter struct {
	Name         string         `json:"name" minLength:"1" maxLength:"40" doc:"in words, without a digit: so no plate stands in it"`
	Queue        string         `json:"queue" enum:"decide,second,key,arbitration,transmit,held"`
	Family       DecidingFamily `json:"family,omitempty"`
	Regime       string         `json:"regime,omitempty" enum:"traffic,lez"`
	Zone         string         `json:"zone,omitempty" maxLength:"32" doc:"police zone of a registered camera"`
	Municipality uint32         `json:"municipality,omitempty" doc:"NIS code, of a registered camera"`
	Site         string         `json:"site,omitempty" maxLength:"64" doc:"of a registered camera"`
	Camera       string         `json:"camera,omitempty" maxLength:"64" doc:"registered"`
	Mark         string         `json:"mark,omitempty" maxLength:"64" pattern:"^[a-z_]*$"`
	HoldReason   string         `json:"hold_reason,omitempty" maxLength:"64" pattern:"^[a-z_]*$"`
}

// SavedFilters are all filters that a user saved.
type SavedFilters struct {
	Filters []SavedFilter `json:"filters" maxItems:"30"`
}

// SavedFiltersAnswer has the saved filters and their version.
type SavedFiltersAnswer struct {
	SavedFilters
	Version int64 `json:"version" doc:"for If-Match of the next change"`
}

// filtersChange is a change of the saved filters.
type filtersChange struct {
	IfMatch string `header:"If-Match" maxLength:"32" doc:"the version that the change is for, in quotes; \"0\" = nothing was saved yet"`
	Key     string `header:"Idempotency-Key" maxLength:"64" doc:"random; the same key gives the first answer again for 24 hours"`
	Body    SavedFilters
}

// checkFilters returns the first fault in saved filters, or nil. The registry is asked about new filters alone: a camera
// that left it must not stand in the way of another change.
func (o *Office) checkFilters(s *SavedFilters, before []SavedFilter) *fieldError {
	names := map[string]bool{}
	for i := range s.Filters {
		f, field := &s.Filters[i], fmt.Sprintf("filters[%d]", i)
		name := strings.ToLower(f.Name)
		switch {
		case strings.TrimSpace(f.Name) != f.Name || strings.ContainsFunc(f.Name, unicode.IsControl):
			return &fieldError{field + ".name", access.FaultText, "begins or ends with a space, or has a control character: leave it out"}
		case strings.ContainsFunc(f.Name, unicode.IsNumber):
			return &fieldError{field + ".name", access.FaultText, "has a digit: name the filter in words, so that no plate stands in it"}
		case names[name]:
			return &fieldError{field + ".name", "alike", "is the name of another filter too: give each its own"}
		}
		names[name] = true
		if part := o.unknownPart(f); part != "" && !slices.Contains(before, *f) {
			return &fieldError{field + "." + part, access.FaultText, "is none of the camera registry"}
		}
	}
	return nil
}

// unknownPart names the part of a filter that no registered camera has; "" = there is none.
func (o *Office) unknownPart(f *SavedFilter) string {
	for _, part := range []struct {
		name  string
		value string
		of    func(*schemas.Camera) string
	}{
		{"zone", f.Zone, func(c *schemas.Camera) string { return c.Zone }},
		{"site", f.Site, func(c *schemas.Camera) string { return c.Site }},
		{"camera", f.Camera, func(c *schemas.Camera) string { return c.ID }},
	} {
		if part.value != "" && !slices.ContainsFunc(o.listCameras(), func(c *schemas.Camera) bool { return part.of(c) == part.value }) {
			return part.name
		}
	}
	if f.Municipality != 0 && !slices.ContainsFunc(o.listCameras(), func(c *schemas.Camera) bool { return c.Municipality == f.Municipality }) {
		return "municipality"
	}
	return ""
}

// listCameras lists the camera registry of now; none without one.
func (o *Office) listCameras() []*schemas.Camera {
	if o.cfg.Cameras == nil {
		return nil
	}
	return o.cfg.Cameras()
}

// putFilters replaces the saved filters at a version.
func (o *Office) putFilters(ctx context.Context, in *filtersChange) (*SavedFiltersAnswer, error) {
	version, err := readOwnChange(in.Key, in.IfMatch)
	if err != nil {
		return nil, err
	}
	before, err := o.filtersOf(ctx, signedIn(ctx).User.Name)
	if err != nil {
		return nil, err
	}
	if fault := o.checkFilters(&in.Body, before.Filters); fault != nil {
		return nil, newProblem(http.StatusUnprocessableEntity, access.CodeInvalid, fault.Error(), Fault{Field: fault.field, Code: fault.code, Message: fault.detail})
	}
	if in.Body.Filters == nil {
		in.Body.Filters = []SavedFilter{}
	}
	out := &SavedFiltersAnswer{SavedFilters: in.Body}
	return saveOwn(ctx, o, store.SavedFilters, store.Key{Route: access.RouteFilters, Key: in.Key}, in, in.Body, version, func(next int64) *SavedFiltersAnswer {
		out.Version = next
		return out
	})
}

// filtersOf returns a user's saved filters.
func (o *Office) filtersOf(ctx context.Context, user string) (*SavedFiltersAnswer, error) {
	text, version, err := o.people.FindOwn(ctx, store.SavedFilters, user)
	out := &SavedFiltersAnswer{SavedFilters: SavedFilters{Filters: []SavedFilter{}}, Version: version}
	if err != nil || version == 0 {
		return out, err
	}
	if err := json.Unmarshal(text, &out.SavedFilters); err != nil {
		return nil, fmt.Errorf("filters that are kept: %w", err)
	}
	return out, nil
}

// MunicipalityName is a municipality with cameras.
type MunicipalityName struct {
	NIS     uint32          `json:"nis"`
	InWords *schemas.Street `json:"name,omitempty" doc:"absent for a code without a name"`
}

// municipalitiesIn lists the municipalities with cameras of these zones, by code; no zones = all.
func (o *Office) municipalitiesIn(zones []string) []MunicipalityName {
	out := []MunicipalityName{}
	for _, c := range o.listCameras() {
		if c.Municipality != 0 && (len(zones) == 0 || slices.Contains(zones, c.Zone)) {
			out = append(out, MunicipalityName{NIS: c.Municipality})
		}
	}
	slices.SortFunc(out, func(a, b MunicipalityName) int { return cmp.Compare(a.NIS, b.NIS) })
	out = slices.Compact(out)
	for i := range out {
		out[i].InWords = municipalityOf(out[i].NIS)
	}
	return out
}
