package gateway

import (
	"github.com/gvc-brussels/anpr/schemas"
	"github.com/gvc-brussels/anpr/schemas/proto/anprv1"
)

// axis reads AXIS License Plate Verifier (DOMAIN 5.4): the ONVIF MetadataStream with ALPV events, and the push JSON of
// the same engine.
//
// One vehicle has one carID and several events: new at once and always without direction, update when plate or direction
// changes, lost ten seconds after the last recognition. Axis tells traffic systems to use only lost. That would cost
// every read of firmware that never sends it (or is switched off within ten seconds), and ten seconds before an alert.
// So every state is a read: an event that says nothing new of the same moment is the same read again (schemas.NewReadID),
// which the pipeline counts as a retransmission; one that knows more (the direction, another plate) is a read of its own,
// of the same passage as long as the plate's class is the same. A corrected plate of another class leaves two passages.
// camera_event_id is the carID as sent; the counter begins again at a restart.
func axis(root *node) []*Parsed {
	if items := axisMessages(root); len(items) > 0 {
		var out []*Parsed
		for _, n := range items {
			out = append(out, axisEvent(n))
		}
		return out
	}
	if data := root.at("message", "data"); data != nil { // the ONVIF event as MQTT JSON
		return []*Parsed{axisEvent(data)}
	}
	if root.child("plateText") == nil && root.child("plateUTF8") == nil && root.child("carID") == nil && root.child("text") == nil {
		return []*Parsed{refused(schemas.ReasonUnsupported, "text", "no ALPV event: neither SimpleItem text nor plateText; send ALPV.AllPlates")}
	}
	return []*Parsed{axisEvent(root)}
}

// axisMessages collects the SimpleItems of each ONVIF message as if they were its children.
func axisMessages(n *node) []*node {
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
		found := axisMessages(k)
		if utc := n.val("UtcTime"); utc != "" {
			for _, f := range found {
				f.kids = append(f.kids, &node{name: "UtcTime", text: utc})
			}
		}
		out = append(out, found...)
	}
	return out
}

func axisEvent(n *node) *Parsed {
	p := newParsed()
	r := p.Read
	if n.child("text") == nil && n.child("plateText") == nil && n.child("plateUTF8") == nil && n.child("plateUnicode") == nil && n.child("carID") == nil {
		return refused(schemas.ReasonUnsupported, "text", "the event has no plate text and no carID; send ALPV.AllPlates")
	}
	for _, key := range []string{"cameraID", "sensorProviderID", "MACAddress", "serialNumber"} {
		p.sourcedFrom(key, n.val(key))
	}
	p.plate("text", n.first("text", "plateUTF8", "plateUnicode", "plateText"))
	p.capturedAt("capture_timestamp", n.val("capture_timestamp"), n.val("datetime"), n.val("UtcTime"))
	country := n.first("country", "plateCountry")
	p.country(isoCountry(country), country)
	confidence := n.first("plateConfidence", "confidence")
	p.confidence(confidence, axisScale(confidence))
	p.lane(n.val("lane"))
	r.Direction = direction(n.val("carMoveDirection"))
	if r.Direction == anprv1.Direction_DIRECTION_UNSPECIFIED {
		r.Direction = direction(n.val("view"))
	}
	r.VehicleKind = vehicleKind(either(n.val("vehicleType"), n.val("vehicle_info", "type")))
	p.colour(either(n.val("vehicleColor"), n.val("vehicle_info", "color")))
	p.makeName(either(n.val("vehicleMake"), n.val("vehicle_info", "make")))
	p.image(either(n.val("imageType"), "plate"), n.first("lpImage", "imageFile"))
	if id := n.val("carID"); id != "" {
		p.eventID(id)
	}
	return p
}

// axisScale tells a share of one from a percentage: the engine's versions write both.
func axisScale(s string) int {
	if v, ok := decimal(s, 6, nearest); ok && v > 1_000_000 {
		return ofHundred
	}
	return ofOne
}
