package gateway

import (
	"strings"

	"github.com/gvc-brussels/anpr/schemas"
	"github.com/gvc-brussels/anpr/schemas/proto/anprv1"
)

// readAxis reads AXIS License Plate Verifier (DOMAIN 5.4) in every form: the ONVIF MetadataStream, MQTT JSON, the
// WebSocket envelope events:notify, and the engine's push. The push is JSON with pictures in ImageArray or in parts
// beside it, also inside the envelope of a relay. A vehicle gives the same read in every form.
//
// A vehicle has one carID and several events: new, at once and always without direction; update, when plate or
// direction changes; lost, ten seconds after the last recognition. Axis tells traffic systems to use only lost. The
// advice would cost every read from firmware without lost or switched off within ten seconds, and would delay an alert
// by ten seconds. So every state is a read. An event with nothing new about the same moment is the same read again; an
// event with more is another read. Both belong to the same passage as long as the plate's class is the same. lost
// carries the capture time of new, so it is late by design, by minutes where vehicles stand. The read counts as
// declared late, and the delay says nothing about the clock. camera_event_id is the carID as sent; the counter begins
// again at a restart.
//
// The direction comes from view alone, the side seen by the camera. carMoveDirection in and out follow an axis drawn
// by the installer. imageFile, imageFile2 and imagesURI are paths on the camera, not pictures.
//
// Times: capture_timestamp (ms) and capture_ts (ns) are epochs, UtcTime is UTC, datetime is the camera's wall clock:
// Brussels.
func readAxis(root *node) []*CameraEvent {
	var out []*CameraEvent
	for _, m := range unwrapMessages(root, isAxisMessage) {
		out = append(out, readAxisMessage(m)...)
	}
	return out
}

// axisPlateNames lists the names for the plate: names in events first, names in pushes next.
var axisPlateNames = []string{"text", "plateUTF8", "plateUnicode", "plateText", "plateASCII"}

// isAxisMessage reports whether an element is a message: it has a topic with content, an event, a heartbeat, or an
// answer to a subscription. A topic alone is the envelope of a broker with any content.
func isAxisMessage(n *node) bool {
	return n.hasAnyChild("Topic") && (n.descend("message", "data") != nil || len(collectAxisItems(n)) > 0) ||
		n.descend("Data", "SimpleItem") != nil || n.hasAnyChild("SimpleItem") ||
		n.hasAnyChild("carID") || n.hasAnyChild(axisPlateNames[1:]...) || n.hasAnyChild("text") &&
		n.hasAnyChild("capture_timestamp", "country") ||
		isAxisHeartbeat(n) || isAxisControl(n)
}

// isAxisHeartbeat reports the service message of the push, sent every few seconds to minutes.
func isAxisHeartbeat(n *node) bool {
	alpv := n.childNamed("ALPV")
	if n.mentionsAny(axisPlateNames...) {
		return false
	}
	return alpv.hasAnyChild("numFrames", "numberOfReads", "device_ID", "deviceID") || alpv != nil &&
		n.hasAnyChild("system", "identify")
}

// isAxisControl reports the camera's answer to a subscription over the WebSocket; such an answer holds no event.
func isAxisControl(n *node) bool {
	return n.hasAnyChild("apiVersion") && n.hasAnyChild("method") && !n.hasAnyChild("params")
}

func readAxisMessage(m *node) []*CameraEvent {
	switch {
	case isAxisHeartbeat(m):
		return []*CameraEvent{ignoreEvent(IgnoredHeartbeat)}
	case isAxisControl(m):
		return []*CameraEvent{ignoreEvent(IgnoredState)}
	}
	topic := m.textAt("Topic")
	events := collectAxisEvents(m)
	if topic != "" {
		if ev := answerAxisTopic(topic, events); ev != nil {
			return []*CameraEvent{ev}
		}
	}
	if len(events) == 0 {
		return []*CameraEvent{refuseEvent(schemas.ReasonUnsupported, "text",
			"no ALPV event: neither SimpleItem text nor plateText; send ALPV.AllPlates")}
	}
	var out []*CameraEvent
	for _, e := range events {
		out = append(out, readAxisEvent(e, topic))
	}
	return out
}

// collectAxisEvents returns the events of a message: every ONVIF message with SimpleItems as children, the data of a
// JSON message, or a push itself.
func collectAxisEvents(m *node) []*node {
	if found := collectAxisItems(m); len(found) > 0 {
		return found
	}
	if data := m.descend("message", "data"); data != nil {
		return []*node{data}
	}
	if m.hasAnyChild("carID") || m.mentionsAny(axisPlateNames...) {
		return []*node{m}
	}
	return nil
}

// collectAxisItems returns every ONVIF message with the SimpleItems as children.
func collectAxisItems(n *node) []*node {
	if items := n.childrenNamed("SimpleItem"); len(items) > 0 {
		flat := &node{name: n.name}
		for _, it := range items {
			flat.kids = append(flat.kids, &node{name: it.textAt("Name"), text: it.textAt("Value")})
		}
		return []*node{flat}
	}
	var out []*node
	for _, k := range n.kids {
		if sameName(k.name, "Source") || sameName(k.name, "Key") {
			continue // origin, not content
		}
		found := collectAxisItems(k)
		if utc := n.textAt("UtcTime"); utc != "" {
			for _, f := range found {
				f.kids = append(f.kids, &node{name: "UtcTime", text: utc})
			}
		}
		out = append(out, found...)
	}
	return out
}

// answerAxisTopic answers a message whose topic holds no read: states of the engine, and events of other camera
// applications. The answer is nil for a message to be read. Reads have the topics AllPlates, New, Update and Lost.
// RealTime repeats a plate several times a second for the camera's radar; the other topics switch on and off.
func answerAxisTopic(topic string, events []*node) *CameraEvent {
	name := topic[strings.LastIndexByte(topic, '/')+1:]
	state, alpv := strings.CutPrefix(foldWord(name), "alpv")
	switch {
	case alpv && (state == "allplates" || state == "new" || state == "update" || state == "lost"):
		return nil
	case alpv && state == "realtime":
		return ignoreEvent(IgnoredTrack)
	}
	for _, e := range events {
		if !e.hasAnyChild(axisPlateNames...) {
			continue
		}
		if alpv { // a topic of newer firmware with a plate
			return nil
		}
		return refuseEvent(schemas.ReasonUnsupported, "topic",
			"%.60q is no topic of License Plate Verifier; send ALPV.AllPlates", topic)
	}
	return ignoreEvent(IgnoredState)
}

func readAxisEvent(n *node, topic string) *CameraEvent {
	ev := newEvent()
	r := ev.Read
	if !n.mentionsAny(axisPlateNames...) {
		return refuseEvent(schemas.ReasonMissingField, "text",
			"the event has a carID and says no plate, not even an empty one; send ALPV.AllPlates")
	}
	for _, key := range []string{"cameraID", "sensorProviderID", "MACAddress", "serialNumber"} {
		ev.addSource(key, n.textAt(key))
	}
	ev.setPlateFrom("text", n, axisPlateNames...)
	ev.setCapturedAt("capture_timestamp", dropZeroEpoch(n.textAt("capture_timestamp")),
		dropZeroEpoch(n.textAt("capture_ts")), markUTC(n.textAt("UtcTime")), n.textAt("datetime"))
	country := n.firstText("country", "plateCountry")
	ev.setCountry(isoCountry(country), country)
	confidence := n.firstText("plateConfidence", "confidence")
	ev.setConfidence(confidence, chooseAxisScale(confidence))
	ev.setLane(n.textAt("lane"))
	r.Direction = parseAxisView(firstNonEmpty(n.textAt("view"), n.textAt("vehicle_info", "view")))
	ev.setKind(firstNonEmpty(n.textAt("vehicleType"), n.textAt("vehicle_info", "type")))
	ev.setColour(firstNonEmpty(n.textAt("vehicleColor"), n.textAt("vehicle_info", "color")))
	ev.setMake(firstNonEmpty(firstNonEmpty(n.textAt("vehicleMake"), n.textAt("vehicle_info", "make")),
		n.textAt("vehicle_info", "brand")))
	ev.trackEnded = foldWord(n.textAt("carState")) == "lost" || strings.HasSuffix(foldWord(topic), "alpvlost")
	r.LateUpload = ev.trackEnded
	addAxisPictures(ev, n)
	ev.setEventID(n.textAt("carID"))
	return ev
}

// addAxisPictures adds the pictures of an event. Pictures named only by a path on the camera give a notice, unless the
// event brings another picture.
func addAxisPictures(ev *CameraEvent, n *node) {
	ev.addImage("plate", n.textAt("lpImage"))
	for _, e := range n.childrenNamed("ImageArray") {
		ev.addImage(firstNonEmpty(e.textAt("ImageType"), "image"), e.textAt("BinaryImage"))
	}
	for _, name := range []string{"imageFile", "imageFile2", "imagesURI"} {
		for _, e := range n.childrenNamed(name) {
			// some relays put the picture where the path was
			if data, ok := decodeBase64(e.textAt()); ok && looksLikeImage(data) {
				ev.Images = append(ev.Images, Image{Name: name, Data: data})
			} else if e.textAt() != "" {
				ev.markPictureElsewhere()
			}
		}
	}
}

// parseAxisView maps the visible side of the vehicle.
func parseAxisView(s string) anprv1.Direction {
	switch foldWord(s) {
	case "front", "rear":
		return parseDirection(s)
	}
	return anprv1.Direction_DIRECTION_UNSPECIFIED
}

// chooseAxisScale tells a share of one from a percentage: versions of the engine write both.
func chooseAxisScale(s string) int {
	if v, ok := parseDecimal(s, 6, roundNearest); ok && v > 1_000_000 {
		return scaleHundred
	}
	return scaleOne
}
