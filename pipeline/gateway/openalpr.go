package gateway

import (
	"strconv"
	"strings"

	"github.com/gvc-brussels/anpr/schemas"
)

// openalpr reads what an OpenALPR or Rekor agent posts (DOMAIN 5.8): alpr_group is one vehicle, alpr_results one frame
// with any number of plates, alpr_alert a group whose plate stands on a list of the agent: the same read as the group
// alone. Relays wrap a group, with or without data_type. Previews, heartbeats, the test button of the vendor's cloud and
// error messages hold no read; vehicle is one whose plate was not read. travel_direction is an angle in the picture and
// says nothing without the camera's mounting, so the direction stays unknown.
//
// Times are epochs. That of a group is epoch_start, when the vehicle was first seen: it is the same in preview, group and
// alert. best_uuid_epoch_ms, the time of the picture that was best, lies up to epoch_end and depends on what was read
// later; it and epoch_end stand in for a missing epoch_start only.
func openalpr(root *node) []*Parsed {
	var out []*Parsed
	for _, m := range unwrap(root, openalprKnown) {
		out = append(out, openalprMessage(m)...)
	}
	return out
}

var openalprPlateNames = []string{"best_plate_number", "best_plate"}

func openalprKnown(n *node) bool {
	return n.val("data_type") != "" || n.hasAny(openalprPlateNames...) || n.hasAny("openalpr_webhook") ||
		n.says("results") && n.hasAny("epoch_time", "epoch_start", "img_width")
}

func openalprMessage(m *node) []*Parsed {
	kind := fold(m.val("data_type"))
	switch {
	case kind == "heartbeat":
		return []*Parsed{ignored(IgnoredHeartbeat)}
	case kind == "" && m.hasAny("openalpr_webhook"):
		return []*Parsed{ignored(IgnoredTest)}
	case isTrue(m.val("is_preview")) || isTrue(m.val("group", "is_preview")):
		return []*Parsed{ignored(IgnoredPreview)}
	case kind == "alpralert":
		return openalprAlert(m)
	case kind == "alprgroup", kind == "vehicle", kind == "" && m.says(openalprPlateNames...):
		return []*Parsed{openalprGroup(m, kind == "vehicle")}
	case kind == "alprresults", kind == "" && m.says("results"):
		return openalprResults(m)
	case m.child("group") != nil: // a wrapper with a data_type of its own
		return openalprAlert(m)
	case kind == "" && m.hasAny("error"), kind == "error":
		return []*Parsed{ignored(IgnoredState)}
	case kind == "":
		return []*Parsed{refused(schemas.ReasonMissingField, "data_type", "no data_type, best_plate or results; send alpr_group or alpr_results")}
	}
	return []*Parsed{refused(schemas.ReasonUnsupported, "data_type", "%.40q is no plate read; send alpr_group or alpr_results", m.val("data_type"))}
}

// openalprAlert reads the group of an alert, or the alert itself where the sender left the group out.
func openalprAlert(a *node) []*Parsed {
	if g := a.child("group"); g != nil {
		return openalprMessage(g)
	}
	if !a.says("plate_number") {
		return []*Parsed{refused(schemas.ReasonMissingField, "group", "the alert has neither a group nor a plate_number; send alpr_alert as the agent writes it")}
	}
	p := newParsed()
	p.plate("plate_number", a.val("plate_number"))
	p.capturedAt("epoch_time", dropZero(a.val("epoch_time")), dropZero(a.val("epoch_start")))
	p.eventID(either(a.val("best_uuid"), a.val("uuid")))
	p.sourcedFromAgent(a)
	openalprPictures(p, a)
	return []*Parsed{p}
}

// openalprGroup reads one vehicle. vehicle says that it is one for which the agent read no plate.
func openalprGroup(g *node, vehicle bool) *Parsed {
	p := newParsed()
	best := g.child("best_plate")
	if !vehicle && !g.says(openalprPlateNames...) {
		return refused(schemas.ReasonMissingField, "best_plate_number", "the group says no plate, not even an empty one; send best_plate_number")
	}
	text := g.val("best_plate_number")
	if text == "" {
		text = best.val("plate")
	}
	if text == "" { // best_plate as a plain string
		text = best.val()
	}
	if text == "" && (g.structured("best_plate_number") || best.structured("plate") || g.structured("best_plate") && !best.says("plate")) {
		p.refuse(schemas.ReasonBadField, "best_plate_number", "is not a text but has fields of its own; send the plate as a text")
	}
	p.plate("best_plate_number", text)
	p.capturedAt("epoch_start", dropZero(g.val("epoch_start")), dropZero(g.val("best_uuid_epoch_ms")), dropZero(g.val("epoch_end")), dropZero(g.val("epoch_time")))
	p.confidence(either(g.val("best_confidence"), best.val("confidence")), ofHundred)
	region := either(g.val("best_region"), best.val("region"))
	p.country(openalprCountry(region, g.val("country")), region)
	p.regionConfidence(either(g.val("best_region_confidence"), best.val("region_confidence")), ofHundred)
	p.eventID(either(g.val("best_uuid"), g.val("uuids")))
	p.candidates(append(best.all("candidates"), g.all("candidates")...))
	openalprVehicle(p, g.child("vehicle"))
	p.sourcedFromAgent(g)
	openalprPictures(p, g)
	openalprPictures(p, best)
	return p
}

// openalprPictures takes every picture of an element, whatever it shows: overview_jpeg, vehicle_crop_jpeg,
// plate_crop_jpeg, and those of later versions.
func openalprPictures(p *Parsed, n *node) {
	if n == nil {
		return
	}
	for _, k := range n.kids {
		if shows, ok := strings.CutSuffix(strings.ToLower(k.name), "_jpeg"); ok {
			p.image(shows, k.text)
		}
	}
}

func openalprResults(f *node) []*Parsed {
	results := f.all("results")
	switch {
	case len(results) == 0 && f.emptyList("results"):
		return []*Parsed{ignored(IgnoredEmpty)}
	case len(results) == 0:
		return []*Parsed{refused(schemas.ReasonMissingField, "results", "the frame has no results, not even an empty list; send alpr_results as the agent writes it")}
	}
	var out []*Parsed
	for i, r := range results {
		p := newParsed()
		if !r.says("plate") {
			out = append(out, refused(schemas.ReasonMissingField, index("results", i, "plate"), "the result says no plate, not even an empty one"))
			continue
		}
		p.plateOf(index("results", i, "plate"), r, "plate")
		p.capturedAt("epoch_time", dropZero(f.val("epoch_time")), dropZero(f.val("epoch_start")))
		p.confidence(r.val("confidence"), ofHundred)
		p.country(openalprCountry(r.val("region"), f.val("country")), r.val("region"))
		p.regionConfidence(r.val("region_confidence"), ofHundred)
		if id := f.val("uuid"); id != "" { // of the frame
			if len(results) > 1 {
				id += "/" + strconv.Itoa(i)
			}
			p.eventID(id)
		}
		p.sourcedFromAgent(f)
		p.candidates(r.all("candidates"))
		openalprPictures(p, r)
		out = append(out, p)
	}
	return out
}

// sourcedFromAgent notes the camera of an agent, which may have several.
func (p *Parsed) sourcedFromAgent(n *node) {
	for _, key := range []string{"camera_id", "camera_number", "camera_name", "agent_uid"} {
		p.sourcedFrom(key, n.val(key))
	}
}

// openalprVehicle takes the most confident name of each of the agent's lists.
func openalprVehicle(p *Parsed, v *node) {
	p.makeName(bestOf(v.all("make"), "name", "confidence"))
	p.colour(bestOf(v.all("color"), "name", "confidence"))
	p.kind(bestOf(v.all("body_type"), "name", "confidence"))
}

// bestOf returns the name of the entry with the highest score; the first of equals.
func bestOf(list []*node, name, score string) string {
	best, top := "", int64(-1)
	for _, e := range list {
		v, ok := decimal(e.val(score), 6, nearest)
		if !ok {
			v = 0
		}
		if text := e.val(name); v > top && text != "" {
			best, top = text, v
		}
	}
	return best
}

// candidates adds the other readings of a list, each once.
func (p *Parsed) candidates(list []*node) {
	seen := map[string]bool{}
	for _, c := range list {
		if text := c.val("plate"); !seen[text] {
			seen[text] = true
			p.candidate(text, c.val("confidence"), ofHundred)
		}
	}
}

// regionConfidence belongs to the country, so it is dropped when there is none.
func (p *Parsed) regionConfidence(s string, scale int) {
	if p.Read.Country != "" {
		p.Read.CountryConfidencePm, _ = perMille(s, scale)
	}
}

func either(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// index names a field of element i of a list. Example: results[2].plate
func index(list string, i int, field string) string {
	return list + "[" + strconv.Itoa(i) + "]." + field
}
