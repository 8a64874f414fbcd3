package gateway

import (
	"strings"

	"github.com/gvc-brussels/anpr/schemas"
	"github.com/gvc-brussels/anpr/schemas/proto/anprv1"
)

// axis reads AXIS License Plate Verifier (DOMAIN 5.4) in each form its events take: the ONVIF MetadataStream, the event
// as MQTT JSON, the WebSocket envelope events:notify, and the push of the same engine, as JSON, with pictures in
// ImageArray or in parts beside it, and in the envelope of a relay. One vehicle gives the same read in each of them.
//
// One vehicle has one carID and several events: new at once and always without direction, update when plate or direction
// changes, lost ten seconds after the last recognition. Axis tells traffic systems to use only lost. That would cost
// every read of firmware that never sends it (or is switched off within ten seconds), and ten seconds before an alert.
// So every state is a read: an event that says nothing new of the same moment is the same read again, one that knows more
// is a read of its own, of the same passage as long as the plate's class is the same. lost carries the capture time of new, so it is late by design, by minutes where vehicles
// stand: it counts as sent late by the camera itself, and its delay says nothing about the clock. camera_event_id is the carID as
// sent; the counter begins again at a restart.
//
// The direction comes from view alone, which says what the camera saw. carMoveDirection in and out is an axis that the
// installer draws. imageFile, imageFile2 and imagesURI are paths on the camera, not pictures.
//
// Times: capture_timestamp (ms) and capture_ts (ns) are epochs, UtcTime is UTC, datetime is the camera's wall clock.
func axis(root *node) []*Parsed {
	var out []*Parsed
	for _, m := range unwrap(root, axisKnown) {
		out = append(out, axisMessage(m)...)
	}
	return out
}

// The names under which the plate stands: of events, then of pushes.
var axisPlateNames = []string{"text", "plateUTF8", "plateUnicode", "plateText", "plateASCII"}

// axisKnown tells what is a message: one with a topic, an event, a heartbeat, or an answer to a subscription. A topic
// alone is the envelope of a broker, which may hold anything.
func axisKnown(n *node) bool {
	return n.hasAny("Topic") && (n.at("message", "data") != nil || len(axisItems(n)) > 0) || n.at("Data", "SimpleItem") != nil || n.hasAny("SimpleItem") ||
		n.hasAny("carID") || n.hasAny(axisPlateNames[1:]...) || n.hasAny("text") && n.hasAny("capture_timestamp", "country") ||
		axisHeartbeat(n) || axisControl(n)
}

// axisHeartbeat reports the service message that the push sends every few seconds to minutes.
func axisHeartbeat(n *node) bool {
	alpv := n.child("ALPV")
	if n.says(axisPlateNames...) {
		return false
	}
	return alpv.hasAny("numFrames", "numberOfReads", "device_ID", "deviceID") || alpv != nil && n.hasAny("system", "identify")
}

// axisControl reports the camera's answer to a subscription over the WebSocket, which holds no event.
func axisControl(n *node) bool {
	return n.hasAny("apiVersion") && n.hasAny("method") && !n.hasAny("params")
}

func axisMessage(m *node) []*Parsed {
	switch {
	case axisHeartbeat(m):
		return []*Parsed{ignored(IgnoredHeartbeat)}
	case axisControl(m):
		return []*Parsed{ignored(IgnoredState)}
	}
	topic := m.val("Topic")
	events := axisData(m)
	if topic != "" {
		if p := axisTopic(topic, events); p != nil {
			return []*Parsed{p}
		}
	}
	if len(events) == 0 {
		return []*Parsed{refused(schemas.ReasonUnsupported, "text", "no ALPV event: neither SimpleItem text nor plateText; send ALPV.AllPlates")}
	}
	var out []*Parsed
	for _, e := range events {
		out = append(out, axisEvent(e, topic))
	}
	return out
}

// axisData collects the events of a message: each ONVIF message with its SimpleItems as if they were children, the data
// of a JSON message, or the message itself when it is a push.
func axisData(m *node) []*node {
	if found := axisItems(m); len(found) > 0 {
		return found
	}
	if data := m.at("message", "data"); data != nil {
		return []*node{data}
	}
	if m.hasAny("carID") || m.says(axisPlateNames...) {
		return []*node{m}
	}
	return nil
}

// axisItems collects the SimpleItems of each ONVIF message as if they were its children.
func axisItems(n *node) []*node {
	if items := n.all("SimpleItem"); len(items) > 0 {
		flat := &node{name: n.name}
		for _, it := range items {
			flat.kids = append(flat.kids, &node{name: it.val("Name"), text: it.val("Value")})
		}
		return []*node{flat}
	}
	var out []*node
	for _, k := range n.kids {
		if sameName(k.name, "Source") || sameName(k.name, "Key") {
			continue // where it comes from, not what was seen
		}
		found := axisItems(k)
		if utc := n.val("UtcTime"); utc != "" {
			for _, f := range found {
				f.kids = append(f.kids, &node{name: "UtcTime", text: utc})
			}
		}
		out = append(out, found...)
	}
	return out
}

// axisTopic answers a message whose topic holds no read: states of the engine, and events of other applications of the
// camera. It gives nil where the message is to be read. AllPlates, New, Update and Lost are the topics with reads.
// RealTime repeats a plate several times a second for the camera's radar; the others say on and off.
func axisTopic(topic string, events []*node) *Parsed {
	name := topic[strings.LastIndexByte(topic, '/')+1:]
	state, alpv := strings.CutPrefix(fold(name), "alpv")
	switch {
	case alpv && (state == "allplates" || state == "new" || state == "update" || state == "lost"):
		return nil
	case alpv && state == "realtime":
		return ignored(IgnoredTrack)
	}
	for _, e := range events {
		if !e.hasAny(axisPlateNames...) {
			continue
		}
		if alpv { // a topic of newer firmware that says the plate
			return nil
		}
		return refused(schemas.ReasonUnsupported, "topic", "%.60q is no topic of License Plate Verifier; send ALPV.AllPlates", topic)
	}
	return ignored(IgnoredState)
}

func axisEvent(n *node, topic string) *Parsed {
	p := newParsed()
	r := p.Read
	if !n.says(axisPlateNames...) {
		return refused(schemas.ReasonMissingField, "text", "the event has a carID and says no plate, not even an empty one; send ALPV.AllPlates")
	}
	for _, key := range []string{"cameraID", "sensorProviderID", "MACAddress", "serialNumber"} {
		p.sourcedFrom(key, n.val(key))
	}
	p.plateOf("text", n, axisPlateNames...)
	p.capturedAt("capture_timestamp", dropZero(n.val("capture_timestamp")), dropZero(n.val("capture_ts")), markUTC(n.val("UtcTime")), n.val("datetime"))
	country := n.first("country", "plateCountry")
	p.country(isoCountry(country), country)
	confidence := n.first("plateConfidence", "confidence")
	p.confidence(confidence, axisScale(confidence))
	p.lane(n.val("lane"))
	r.Direction = axisView(either(n.val("view"), n.val("vehicle_info", "view")))
	p.kind(either(n.val("vehicleType"), n.val("vehicle_info", "type")))
	p.colour(either(n.val("vehicleColor"), n.val("vehicle_info", "color")))
	p.makeName(either(either(n.val("vehicleMake"), n.val("vehicle_info", "make")), n.val("vehicle_info", "brand")))
	p.ended = fold(n.val("carState")) == "lost" || strings.HasSuffix(fold(topic), "alpvlost")
	r.LateUpload = p.ended
	axisPictures(p, n)
	p.eventID(n.val("carID"))
	return p
}

// axisPictures takes the pictures of an event. Those that are only named by their path on the camera are noted, when
// none comes with the event.
func axisPictures(p *Parsed, n *node) {
	p.image("plate", n.val("lpImage"))
	for _, e := range n.all("ImageArray") {
		p.image(either(e.val("ImageType"), "image"), e.val("BinaryImage"))
	}
	for _, name := range []string{"imageFile", "imageFile2", "imagesURI"} {
		for _, e := range n.all(name) {
			if data, ok := unbase64(e.val()); ok && looksLikeImage(data) { // some relays put the picture where the path was
				p.Images = append(p.Images, Image{Name: name, Data: data})
			} else if e.val() != "" {
				p.pictureElsewhere()
			}
		}
	}
}

// axisView maps the side of the vehicle that was seen.
func axisView(s string) anprv1.Direction {
	switch fold(s) {
	case "front", "rear":
		return direction(s)
	}
	return anprv1.Direction_DIRECTION_UNSPECIFIED
}

// axisScale tells a share of one from a percentage: the engine's versions write both.
func axisScale(s string) int {
	if v, ok := decimal(s, 6, nearest); ok && v > 1_000_000 {
		return ofHundred
	}
	return ofOne
}
