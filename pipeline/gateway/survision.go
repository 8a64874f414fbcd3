package gateway

import "github.com/gvc-brussels/anpr/schemas"

// survision reads an anpr message (DOMAIN 5.5). The decision is the read; new, end and speed tell of the track before,
// after and beside it and hold no plate, so alone they are not kept. noPlate is a vehicle without a plate. @id counts
// within a @session, so the event id is both.
func survision(root *node) []*Parsed {
	event := root.child("anpr")
	if event == nil && sameName(root.name, "anpr") {
		event = root
	}
	if event == nil {
		return []*Parsed{refused(schemas.ReasonUnsupported, "anpr", "the message has no anpr; send anpr messages only")}
	}
	track := false
	for _, name := range []string{"decision", "noPlate", "new", "end", "speed"} {
		e := event.child(name)
		switch {
		case e != nil && (name == "decision" || e.child("plate") != nil):
			return []*Parsed{survisionRead(event, e)}
		case e != nil && name == "noPlate":
			return []*Parsed{refused(schemas.ReasonPlateUnread, "anpr.noPlate", "the camera saw a vehicle and read no plate; kept for statistics, nothing to do")}
		case e != nil:
			track = true
		}
	}
	if track {
		return []*Parsed{ignored(IgnoredTrack)}
	}
	return []*Parsed{refused(schemas.ReasonUnsupported, "anpr", "none of decision, noPlate, new, end and speed; enable decisions in the camera")}
}

func survisionRead(event, d *node) *Parsed {
	p := newParsed()
	p.plate("decision.@plate", d.val("plate"))
	for _, key := range []string{"cameraId", "serialNumber", "sensor"} {
		p.sourcedFrom(key, event.val(key))
	}
	p.capturedAt("@date", event.val("date"), d.val("date"))
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
	if id := event.val("id"); id != "" {
		if session := event.val("session"); session != "" {
			id = session + "/" + id
		}
		p.eventID(id)
	}
	p.image("context", d.val("contextJpeg"))
	p.image("plate", d.val("jpeg"))
	return p
}
