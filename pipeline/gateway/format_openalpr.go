package gateway

import (
	"strconv"
	"strings"

	"github.com/gvc-brussels/anpr/schemas"
)

// readOpenALPR reads posts from OpenALPR and Rekor agents (DOMAIN 5.8). alpr_group is one vehicle. alpr_results is one
// frame with any number of plates. alpr_alert is a group whose plate stands on a list in the agent, and gives the same
// read as the group alone. Relays wrap a group, with or without data_type. Previews, heartbeats, the vendor cloud's
// test button and error messages hold no read. vehicle is a vehicle with an unread plate. travel_direction is an angle
// in the picture and means nothing without the camera's mounting, so the direction stays unknown.
//
// Times are epochs. A group counts at epoch_start, when the vehicle was first seen: preview, group and alert agree on
// it. best_uuid_epoch_ms, the time of the best picture, lies up to epoch_end and depends on later reads. The two stand
// in only for a missing epoch_start.
func readOpenALPR(root *node) []*CameraEvent {
	var out []*CameraEvent
	for _, m := range unwrapMessages(root, isOpenALPRMessage) {
		out = append(out, readOpenALPRMessage(m)...)
	}
	return out
}

var openALPRPlateNames = []string{"best_plate_number", "best_plate"}

func isOpenALPRMessage(n *node) bool {
	return n.textAt("data_type") != "" || n.hasAnyChild(openALPRPlateNames...) || n.hasAnyChild("openalpr_webhook") ||
		n.mentionsAny("results") && n.hasAnyChild("epoch_time", "epoch_start", "img_width")
}

func readOpenALPRMessage(m *node) []*CameraEvent {
	kind := foldWord(m.textAt("data_type"))
	switch {
	case kind == "heartbeat":
		return []*CameraEvent{ignoreEvent(IgnoredHeartbeat)}
	case kind == "" && m.hasAnyChild("openalpr_webhook"):
		return []*CameraEvent{ignoreEvent(IgnoredTest)}
	case isTrue(m.textAt("is_preview")) || isTrue(m.textAt("group", "is_preview")):
		return []*CameraEvent{ignoreEvent(IgnoredPreview)}
	case kind == "alpralert":
		return readOpenALPRAlert(m)
	case kind == "alprgroup", kind == "vehicle", kind == "" && m.mentionsAny(openALPRPlateNames...):
		return []*CameraEvent{readOpenALPRGroup(m, kind == "vehicle")}
	case kind == "alprresults", kind == "" && m.mentionsAny("results"):
		return readOpenALPRResults(m)
	case m.childNamed("group") != nil: // a wrapper with another data_type
		return readOpenALPRAlert(m)
	case kind == "" && m.hasAnyChild("error"), kind == "error":
		return []*CameraEvent{ignoreEvent(IgnoredState)}
	case kind == "":
		return []*CameraEvent{refuseEvent(schemas.ReasonMissingField, "data_type",
			"no data_type, best_plate or results; send alpr_group or alpr_results")}
	}
	return []*CameraEvent{refuseEvent(schemas.ReasonUnsupported, "data_type",
		"%.40q is no plate read; send alpr_group or alpr_results", m.textAt("data_type"))}
}

// readOpenALPRAlert reads the group in an alert, or the alert itself if the sender left out the group.
func readOpenALPRAlert(a *node) []*CameraEvent {
	if g := a.childNamed("group"); g != nil {
		return readOpenALPRMessage(g)
	}
	if !a.mentionsAny("plate_number") {
		return []*CameraEvent{refuseEvent(schemas.ReasonMissingField, "group",
			"the alert has neither a group nor a plate_number; send alpr_alert as the agent writes it")}
	}
	ev := newEvent()
	ev.setPlate("plate_number", a.textAt("plate_number"))
	ev.setCapturedAt("epoch_time", dropZeroEpoch(a.textAt("epoch_time")), dropZeroEpoch(a.textAt("epoch_start")))
	ev.setEventID(firstNonEmpty(a.textAt("best_uuid"), a.textAt("uuid")))
	ev.addAgentSources(a)
	addOpenALPRPictures(ev, a)
	return []*CameraEvent{ev}
}

// readOpenALPRGroup reads one vehicle. vehicle means that the agent read no plate.
func readOpenALPRGroup(g *node, vehicle bool) *CameraEvent {
	ev := newEvent()
	best := g.childNamed("best_plate")
	if !vehicle && !g.mentionsAny(openALPRPlateNames...) {
		return refuseEvent(schemas.ReasonMissingField, "best_plate_number",
			"the group says no plate, not even an empty one; send best_plate_number")
	}
	text := g.textAt("best_plate_number")
	if text == "" {
		text = best.textAt("plate")
	}
	if text == "" { // best_plate as a plain string
		text = best.textAt()
	}
	if text == "" && (g.holdsFields("best_plate_number") || best.holdsFields("plate") || g.holdsFields("best_plate") &&
		!best.mentionsAny("plate")) {
		ev.refuseRead(schemas.ReasonBadField, "best_plate_number",
			"is not a text but has fields of its own; send the plate as a text")
	}
	ev.setPlate("best_plate_number", text)
	ev.setCapturedAt("epoch_start", dropZeroEpoch(g.textAt("epoch_start")),
		dropZeroEpoch(g.textAt("best_uuid_epoch_ms")), dropZeroEpoch(g.textAt("epoch_end")),
		dropZeroEpoch(g.textAt("epoch_time")))
	ev.setConfidence(firstNonEmpty(g.textAt("best_confidence"), best.textAt("confidence")), scaleHundred)
	region := firstNonEmpty(g.textAt("best_region"), best.textAt("region"))
	ev.setCountry(openALPRCountry(region, g.textAt("country")), region)
	ev.setCountryConfidence(firstNonEmpty(g.textAt("best_region_confidence"), best.textAt("region_confidence")),
		scaleHundred)
	ev.setEventID(firstNonEmpty(g.textAt("best_uuid"), g.textAt("uuids")))
	ev.addAlternatives(append(best.childrenNamed("candidates"), g.childrenNamed("candidates")...))
	setOpenALPRVehicle(ev, g.childNamed("vehicle"))
	ev.addAgentSources(g)
	addOpenALPRPictures(ev, g)
	addOpenALPRPictures(ev, best)
	return ev
}

// usStates lists the US states that OpenALPR writes as a bare region. Several are country codes elsewhere.
const usStates = " AL AK AZ AR CA CO CT DE FL GA HI ID IL IN IA KS KY LA ME MD MA MI MN MS MO MT NE NV NH NJ NM NY NC ND OH OK OR" +
	" PA RI SC SD TN TX UT VT VA WA WV WI WY DC "

// openALPRCountry reads best_region: eu-at is Austria. A bare region counts only if no US state has that code, or the
// agent says that it reads European plates.
func openALPRCountry(region, scope string) string {
	bare := strings.ToUpper(strings.TrimSpace(region))
	if len(bare) == 2 && strings.Contains(usStates, " "+bare+" ") && !strings.EqualFold(scope, "eu") {
		return ""
	}
	return isoCountry(region)
}

// addOpenALPRPictures adds every picture in an element: overview_jpeg, vehicle_crop_jpeg, plate_crop_jpeg, and names
// from later versions.
func addOpenALPRPictures(ev *CameraEvent, n *node) {
	if n == nil {
		return
	}
	for _, k := range n.kids {
		if shows, ok := strings.CutSuffix(strings.ToLower(k.name), "_jpeg"); ok {
			ev.addImage(shows, k.text)
		}
	}
}

func readOpenALPRResults(f *node) []*CameraEvent {
	results := f.childrenNamed("results")
	switch {
	case len(results) == 0 && f.hasEmptyList("results"):
		return []*CameraEvent{ignoreEvent(IgnoredEmpty)}
	case len(results) == 0:
		return []*CameraEvent{refuseEvent(schemas.ReasonMissingField, "results",
			"the frame has no results, not even an empty list; send alpr_results as the agent writes it")}
	}
	var out []*CameraEvent
	for i, r := range results {
		ev := newEvent()
		if !r.mentionsAny("plate") {
			out = append(out, refuseEvent(schemas.ReasonMissingField, elementField("results", i, "plate"),
				"the result says no plate, not even an empty one"))
			continue
		}
		ev.setPlateFrom(elementField("results", i, "plate"), r, "plate")
		ev.setCapturedAt("epoch_time", dropZeroEpoch(f.textAt("epoch_time")), dropZeroEpoch(f.textAt("epoch_start")))
		ev.setConfidence(r.textAt("confidence"), scaleHundred)
		ev.setCountry(openALPRCountry(r.textAt("region"), f.textAt("country")), r.textAt("region"))
		ev.setCountryConfidence(r.textAt("region_confidence"), scaleHundred)
		if id := f.textAt("uuid"); id != "" { // id of the frame
			if len(results) > 1 {
				id += "/" + strconv.Itoa(i)
			}
			ev.setEventID(id)
		}
		ev.addAgentSources(f)
		ev.addAlternatives(r.childrenNamed("candidates"))
		addOpenALPRPictures(ev, r)
		out = append(out, ev)
	}
	return out
}

// addAgentSources notes the agent's camera; an agent may have several.
func (ev *CameraEvent) addAgentSources(n *node) {
	for _, key := range []string{"camera_id", "camera_number", "camera_name", "agent_uid"} {
		ev.addSource(key, n.textAt(key))
	}
}

// setOpenALPRVehicle takes the most confident name from each list.
func setOpenALPRVehicle(ev *CameraEvent, v *node) {
	ev.setMake(topScored(v.childrenNamed("make"), "name", "confidence"))
	ev.setColour(topScored(v.childrenNamed("color"), "name", "confidence"))
	ev.setKind(topScored(v.childrenNamed("body_type"), "name", "confidence"))
}

// topScored returns the name with the highest score; the first among equals.
func topScored(list []*node, name, score string) string {
	best, top := "", int64(-1)
	for _, e := range list {
		v, ok := parseDecimal(e.textAt(score), 6, roundNearest)
		if !ok {
			v = 0
		}
		if text := e.textAt(name); v > top && text != "" {
			best, top = text, v
		}
	}
	return best
}

// addAlternatives adds the other readings in a list, each once.
func (ev *CameraEvent) addAlternatives(list []*node) {
	seen := map[string]bool{}
	for _, c := range list {
		if text := c.textAt("plate"); !seen[text] {
			seen[text] = true
			ev.addAlternative(text, c.textAt("confidence"), scaleHundred)
		}
	}
}

// setCountryConfidence sets the country's confidence; without a country it is dropped.
func (ev *CameraEvent) setCountryConfidence(s string, scale int) {
	if ev.Read.Country != "" {
		ev.Read.CountryConfidencePm, _ = parsePerMille(s, scale)
	}
}

func firstNonEmpty(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// elementField names a field in element i of a list. Example: results[2].plate
func elementField(list string, i int, field string) string {
	return list + "[" + strconv.Itoa(i) + "]." + field
}
