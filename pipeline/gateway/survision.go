package gateway

import "github.com/gvc-brussels/anpr/schemas"

// survision reads what a Survision unit pushes (DOMAIN 5.5): anpr messages, and the result of a trigger, which is the
// same. The decision is the read; new and end tell of the track before and after it and hold no plate. noPlate is a
// vehicle without a plate. speed may come as a message of its own, with the ids of the track and without its plate:
// tracks joins the two. @id counts within a @session, so the event id is both. Other messages tell of the unit itself;
// dgpr is the orange plate of dangerous goods, which is no registration.
//
// Times: @date is an epoch.
func survision(root *node) []*Parsed {
	var out []*Parsed
	known := survisionKnown
	if survisionEventBelow(root) {
		known = survisionTells
	}
	for _, m := range unwrap(root, known) {
		out = append(out, survisionMessage(m)...)
	}
	return out
}

// survisionSteps are what an event tells of a vehicle, the read first.
var survisionSteps = []string{"decision", "noPlate", "new", "end", "speed"}

// survisionReads are the messages with reads, survisionStates those of the unit itself.
var (
	survisionReads  = []string{"anpr", "triggerResult"}
	survisionStates = []string{
		"answer", "config", "database", "date", "dgpr", "error", "image", "infos", "ioState", "keepAlive", "ping", "reset", "setEnableStreams",
		"state", "status", "test", "traces", "video", "xsd",
	}
)

func survisionKnown(n *node) bool {
	return survisionTells(n) || n.says(survisionStates...) || matchName(n, survisionStates) != ""
}

// survisionEventBelow reports whether there is an event of a vehicle somewhere: anpr is a name of settings too.
func survisionEventBelow(n *node) bool {
	for _, name := range survisionReads {
		for _, event := range n.every(name) {
			if event.says(survisionSteps...) {
				return true
			}
		}
	}
	return false
}

// survisionTells reports whether a message may hold a read. An envelope that has a status or an error of its own is none.
func survisionTells(n *node) bool {
	return n.says(survisionReads...) || matchName(n, survisionReads) != ""
}

// matchName returns the one of these names that the element has, or "".
func matchName(n *node, names []string) string {
	for _, name := range names {
		if sameName(n.name, name) {
			return name
		}
	}
	return ""
}

func survisionMessage(m *node) []*Parsed {
	if matchName(m, survisionReads) != "" {
		return survisionEvent(m)
	}
	var out []*Parsed
	for _, name := range survisionReads {
		for _, event := range m.all(name) {
			out = append(out, survisionEvent(event)...)
		}
	}
	if len(out) > 0 {
		return out
	}
	if matchName(m, survisionStates) != "" {
		return []*Parsed{ignored(IgnoredState)}
	}
	if m.says(survisionStates...) && (m.says("dgpr") || m.holdsAny([]string{"plate"}) == "") {
		return []*Parsed{ignored(IgnoredState)}
	}
	return []*Parsed{refused(schemas.ReasonUnsupported, "anpr", "the message has no anpr; send anpr messages only")}
}

func survisionEvent(event *node) []*Parsed {
	var out []*Parsed
	told := ""
	for _, name := range survisionSteps {
		for _, e := range event.all(name) {
			if name == "decision" || e.says("plate") {
				out = append(out, survisionRead(event, e))
			}
		}
		if told == "" && event.says(name) {
			told = name
		}
	}
	switch {
	case len(out) > 0:
		return out
	case told == "noPlate":
		p := newParsed()
		p.tracked(event)
		p.plate("anpr.noPlate", "")
		p.capturedAt("@date", dropZero(event.val("date")))
		return []*Parsed{p}
	case told == "":
		return []*Parsed{refused(schemas.ReasonUnsupported, "anpr", "none of decision, noPlate, new, end and speed; enable decisions in the camera")}
	}
	if event.holdsAny([]string{"plate"}) != "" {
		return []*Parsed{refused(schemas.ReasonUnsupported, "anpr", "a plate in none of decision, noPlate, new, end and speed; enable decisions in the camera")}
	}
	p := ignored(IgnoredTrack)
	if v, ok := speedTenths(event.val("speed", "instantSpeed_km_h")); ok && v > 0 {
		p.track, p.trackSpeed = survisionTrack(event, survisionID(event)), v
	}
	return []*Parsed{p}
}

// survisionID is the camera's id of the vehicle that a message tells of, or "".
func survisionID(event *node) string {
	if id := event.val("triggerId"); id != "" {
		return "trigger/" + id
	}
	id := event.val("id")
	if session := event.val("session"); id != "" && session != "" {
		return session + "/" + id
	}
	return id
}

// survisionNames are the names under which a message may say its device.
var survisionNames = []string{"cameraId", "serialNumber", "sensor"}

// survisionTrack names the vehicle among all that may come from one address.
func survisionTrack(event *node, id string) string {
	if id == "" {
		return ""
	}
	for _, key := range survisionNames {
		id = event.val(key) + "/" + id
	}
	return id
}

// tracked gives the event the ids of its vehicle and the names of its device.
func (p *Parsed) tracked(event *node) {
	id := survisionID(event)
	p.track = survisionTrack(event, id)
	p.eventID(id)
	for _, key := range survisionNames {
		p.sourcedFrom(key, event.val(key))
	}
}

func survisionRead(event, d *node) *Parsed {
	p := newParsed()
	if !d.says("plate") {
		return refused(schemas.ReasonMissingField, "decision.@plate", "the decision says no plate, not even an empty one; send anpr as the unit writes it")
	}
	p.plateOf("decision.@plate", d, "plate")
	p.capturedAt("@date", dropZero(event.val("date")), dropZero(d.val("date")))
	p.confidence(d.val("reliability"), ofHundred)
	country := ""
	for _, name := range []string{"context_isoAlpha2", "context_isoAlpha3", "context"} {
		text := d.val(name)
		country = either(country, text)
		if code := isoCountry(text); code != "" && p.Read.Country == "" {
			p.Read.Country = code
		}
	}
	p.country(p.Read.Country, country)
	p.Read.Direction = direction(d.val("direction"))
	speed := event.child("speed")
	if speed == nil {
		speed = d.child("speed")
	}
	p.speed(speed.val("instantSpeed_km_h"))
	p.tracked(event)
	p.image("context", d.val("contextJpeg"))
	p.image("plate", d.val("jpeg"))
	return p
}
