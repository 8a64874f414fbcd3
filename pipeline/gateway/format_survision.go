package gateway

import "github.com/gvc-brussels/anpr/schemas"

// readSurvision reads Survision units (DOMAIN 5.5): anpr messages, and trigger results in the same form. The decision
// is the read; new and end mark the track around it and hold no plate. noPlate is a vehicle without a plate. A speed
// may come as a separate message with the track's ids and without the plate: trackMemory joins the two. @id counts
// within a @session, so the event id is both. Other messages report on the unit itself; dgpr is the orange plate for
// dangerous goods, which is no registration.
//
// Times: @date is an epoch.
func readSurvision(root *node) []*CameraEvent {
	var out []*CameraEvent
	known := isSurvisionMessage
	if holdsSurvisionEvent(root) {
		known = mayHoldSurvisionRead
	}
	for _, m := range unwrapMessages(root, known) {
		out = append(out, readSurvisionMessage(m)...)
	}
	return out
}

// survisionSteps lists the steps in a vehicle's track, the read first.
var survisionSteps = []string{"decision", "noPlate", "new", "end", "speed"}

// survisionReads lists messages with reads, survisionStates messages about the unit itself.
var (
	survisionReads  = []string{"anpr", "triggerResult"}
	survisionStates = []string{
		"answer", "config", "database", "date", "dgpr", "error", "image", "infos", "ioState", "keepAlive", "ping",
		"reset", "setEnableStreams",
		"state", "status", "test", "traces", "video", "xsd",
	}
)

func isSurvisionMessage(n *node) bool {
	return mayHoldSurvisionRead(n) || n.mentionsAny(survisionStates...) || matchName(n, survisionStates) != ""
}

// holdsSurvisionEvent reports whether the document holds a vehicle's event: anpr is a name for settings too.
func holdsSurvisionEvent(n *node) bool {
	for _, name := range survisionReads {
		for _, event := range n.findAll(name) {
			if event.mentionsAny(survisionSteps...) {
				return true
			}
		}
	}
	return false
}

// mayHoldSurvisionRead reports whether a message may hold a read. An envelope with a status or an error is none.
func mayHoldSurvisionRead(n *node) bool {
	return n.mentionsAny(survisionReads...) || matchName(n, survisionReads) != ""
}

// matchName returns the element's name as listed in names, or "".
func matchName(n *node, names []string) string {
	for _, name := range names {
		if sameName(n.name, name) {
			return name
		}
	}
	return ""
}

func readSurvisionMessage(m *node) []*CameraEvent {
	if matchName(m, survisionReads) != "" {
		return readSurvisionEvent(m)
	}
	var out []*CameraEvent
	for _, name := range survisionReads {
		for _, event := range m.childrenNamed(name) {
			out = append(out, readSurvisionEvent(event)...)
		}
	}
	if len(out) > 0 {
		return out
	}
	if matchName(m, survisionStates) != "" {
		return []*CameraEvent{ignoreEvent(IgnoredState)}
	}
	if m.mentionsAny(survisionStates...) && (m.mentionsAny("dgpr") || m.nameWithText([]string{"plate"}) == "") {
		return []*CameraEvent{ignoreEvent(IgnoredState)}
	}
	return []*CameraEvent{refuseEvent(schemas.ReasonUnsupported, "anpr",
		"the message has no anpr; send anpr messages only")}
}

func readSurvisionEvent(event *node) []*CameraEvent {
	var out []*CameraEvent
	told := ""
	for _, name := range survisionSteps {
		for _, e := range event.childrenNamed(name) {
			if name == "decision" || e.mentionsAny("plate") {
				out = append(out, readSurvisionDecision(event, e))
			}
		}
		if told == "" && event.mentionsAny(name) {
			told = name
		}
	}
	switch {
	case len(out) > 0:
		return out
	case told == "noPlate":
		ev := newEvent()
		ev.setSurvisionIDs(event)
		ev.setPlate("anpr.noPlate", "")
		ev.setCapturedAt("@date", dropZeroEpoch(event.textAt("date")))
		return []*CameraEvent{ev}
	case told == "":
		return []*CameraEvent{refuseEvent(schemas.ReasonUnsupported, "anpr",
			"none of decision, noPlate, new, end and speed; enable decisions in the camera")}
	}
	if event.nameWithText([]string{"plate"}) != "" {
		return []*CameraEvent{refuseEvent(schemas.ReasonUnsupported, "anpr",
			"a plate in none of decision, noPlate, new, end and speed; enable decisions in the camera")}
	}
	ev := ignoreEvent(IgnoredTrack)
	if v, ok := parseSpeed(event.textAt("speed", "instantSpeed_km_h")); ok && v > 0 {
		ev.track, ev.trackSpeed = survisionTrackKey(event, survisionVehicleID(event)), v
	}
	return []*CameraEvent{ev}
}

// survisionVehicleID returns the camera's id for the vehicle in a message, or "".
func survisionVehicleID(event *node) string {
	if id := event.textAt("triggerId"); id != "" {
		return "trigger/" + id
	}
	id := event.textAt("id")
	if session := event.textAt("session"); id != "" && session != "" {
		return session + "/" + id
	}
	return id
}

// survisionNames lists the names under which a message may name the device.
var survisionNames = []string{"cameraId", "serialNumber", "sensor"}

// survisionTrackKey identifies the vehicle among all devices at one address.
func survisionTrackKey(event *node, id string) string {
	if id == "" {
		return ""
	}
	for _, key := range survisionNames {
		id = event.textAt(key) + "/" + id
	}
	return id
}

// setSurvisionIDs sets the vehicle's ids and the device's names.
func (ev *CameraEvent) setSurvisionIDs(event *node) {
	id := survisionVehicleID(event)
	ev.track = survisionTrackKey(event, id)
	ev.setEventID(id)
	for _, key := range survisionNames {
		ev.addSource(key, event.textAt(key))
	}
}

func readSurvisionDecision(event, d *node) *CameraEvent {
	ev := newEvent()
	if !d.mentionsAny("plate") {
		return refuseEvent(schemas.ReasonMissingField, "decision.@plate",
			"the decision says no plate, not even an empty one; send anpr as the unit writes it")
	}
	ev.setPlateFrom("decision.@plate", d, "plate")
	ev.setCapturedAt("@date", dropZeroEpoch(event.textAt("date")), dropZeroEpoch(d.textAt("date")))
	ev.setConfidence(d.textAt("reliability"), scaleHundred)
	country := ""
	for _, name := range []string{"context_isoAlpha2", "context_isoAlpha3", "context"} {
		text := d.textAt(name)
		country = firstNonEmpty(country, text)
		if code := isoCountry(text); code != "" && ev.Read.Country == "" {
			ev.Read.Country = code
		}
	}
	ev.setCountry(ev.Read.Country, country)
	ev.Read.Direction = parseDirection(d.textAt("direction"))
	speed := event.childNamed("speed")
	if speed == nil {
		speed = d.childNamed("speed")
	}
	ev.setSpeed(speed.textAt("instantSpeed_km_h"))
	ev.setSurvisionIDs(event)
	ev.addImage("context", d.textAt("contextJpeg"))
	ev.addImage("plate", d.textAt("jpeg"))
	return ev
}
