package gateway

import (
	"strconv"

	"github.com/gvc-brussels/anpr/schemas"
)

// openalpr reads what an OpenALPR or Rekor agent posts (DOMAIN 5.8): alpr_group is one vehicle, alpr_results one frame
// with any number of plates. Previews and heartbeats hold no read. travel_direction is an angle in the picture and says
// nothing without the camera's mounting, so the direction stays unknown. epoch_start is the time of capture.
func openalpr(root *node) []*Parsed {
	kind := root.val("data_type")
	switch {
	case fold(kind) == "heartbeat":
		return []*Parsed{ignored(IgnoredHeartbeat)}
	case isTrue(root.val("is_preview")):
		return []*Parsed{ignored(IgnoredPreview)}
	case fold(kind) == "alprgroup", kind == "" && (root.child("best_plate") != nil || root.child("best_plate_number") != nil):
		return []*Parsed{openalprGroup(root)}
	case fold(kind) == "alprresults", kind == "" && root.child("results") != nil:
		return openalprResults(root)
	case kind == "":
		return []*Parsed{refused(schemas.ReasonMissingField, "data_type", "no data_type, best_plate or results; send alpr_group or alpr_results")}
	}
	return []*Parsed{refused(schemas.ReasonUnsupported, "data_type", "%.40q is no plate read; send alpr_group or alpr_results", kind)}
}

func openalprGroup(g *node) *Parsed {
	p := newParsed()
	best := g.child("best_plate")
	text := g.val("best_plate_number")
	if text == "" {
		text = best.val("plate")
	}
	if text == "" { // best_plate as a plain string
		text = best.val()
	}
	p.plate("best_plate_number", text)
	p.capturedAt("epoch_start", g.val("epoch_start"), g.val("epoch_end"), g.val("epoch_time"))
	p.confidence(either(g.val("best_confidence"), best.val("confidence")), ofHundred)
	region := either(g.val("best_region"), best.val("region"))
	p.country(openalprCountry(region, g.val("country")), region)
	p.regionConfidence(either(g.val("best_region_confidence"), best.val("region_confidence")), ofHundred)
	p.eventID(either(g.val("best_uuid"), g.val("uuids")))
	list := best.all("candidates")
	if len(list) == 0 {
		list = g.all("candidates")
	}
	p.candidates(list)
	openalprVehicle(p, g.child("vehicle"))
	p.sourcedFromAgent(g)
	p.image("vehicle", g.val("vehicle_crop_jpeg"))
	p.image("plate", best.val("plate_crop_jpeg"))
	return p
}

func openalprResults(f *node) []*Parsed {
	results := f.all("results")
	if len(results) == 0 {
		return []*Parsed{ignored(IgnoredEmpty)}
	}
	var out []*Parsed
	for i, r := range results {
		p := newParsed()
		p.plate(index("results", i, "plate"), r.val("plate"))
		p.capturedAt("epoch_time", f.val("epoch_time"), f.val("epoch_start"))
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
		p.image("plate", r.val("plate_crop_jpeg"))
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
	p.Read.VehicleKind = vehicleKind(bestOf(v.all("body_type"), "name", "confidence"))
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

func (p *Parsed) candidates(list []*node) {
	for _, c := range list {
		p.candidate(c.val("plate"), c.val("confidence"), ofHundred)
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
