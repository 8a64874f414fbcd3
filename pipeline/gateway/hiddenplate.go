package gateway

import "github.com/gvc-brussels/anpr/schemas"

// plateNames lists, folded, the plate's names at vendors, relays and other products. Only refuseHiddenPlate uses them;
// each format has a list for itself.
var plateNames = map[string]bool{
	"plate": true, "licenseplate": true, "licenceplate": true, "numberplate": true, "platenumber": true,
	"plateno": true, "platenum": true, "platetext": true, "licenseplatenumber": true, "licenseplateno": true,
	"licenseplatetext": true, "originallicenseplate": true, "bestplate": true, "bestplatenumber": true,
	"plateutf8": true, "plateunicode": true, "plateascii": true, "rawplate": true, "vehicleplate": true,
	"carnumber": true, "carplate": true,
}

// refuseHiddenPlate is the last net under the formats. A document with a plate and without anything to keep is
// refused, so that nobody believes it stored. A preview, a track and a connection test repeat a plate by design, and a
// pedestrian detector may.
func refuseHiddenPlate(root *node, events []*CameraEvent) []*CameraEvent {
	for _, ev := range events {
		switch ev.Ignored {
		case IgnoredHeartbeat, IgnoredState, IgnoredEmpty, IgnoredDetection:
		default:
			return events
		}
	}
	name := root.findPlateName()
	if name == "" || len(events) == 0 {
		return events
	}
	return []*CameraEvent{refuseEvent(schemas.ReasonUnsupported, name,
		"a plate in a message that is none of a plate read (%s); send the plate reads of the device", events[0].Ignored)}
}

// findPlateName returns the name of an element with a plate, also as a property with name and value, or "".
func (n *node) findPlateName() string {
	if plateNames[foldWord(n.name)] && mayBePlate(n.textAt()) {
		return n.name
	}
	for _, k := range n.kids {
		if plateNames[foldWord(k.text)] && mayBePlate(n.textAt("value")) {
			return k.text
		}
		if name := k.findPlateName(); name != "" {
			return name
		}
	}
	return ""
}

// mayBePlate reports whether a text may be a plate: no word for "no plate", no switch in a setting, no orange plate.
func mayBePlate(s string) bool {
	switch foldWord(s) {
	case "true", "false", "0", "1", "none", "null":
		return false
	}
	return !isUnreadWord(s) && !isHazardPlate(s) && len(s) <= schemas.MaxRawPlate
}
