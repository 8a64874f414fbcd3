package gateway

import "github.com/gvc-brussels/anpr/schemas"

// readPlateRecognizer reads Plate Recognizer (DOMAIN 5.9). The webhook of Stream is one frame with several results,
// each a read. The webhook of Snapshot (image.done) follows every call, plate or not. Their results also come without
// the hook. There is no event id. In the newer form each vehicle has the plate as an object; a vehicle without it is
// unread. The direction comes from the orientation: a front is approaching. The angle in direction is not used.
//
// Times: timestamp and timestamp_camera are UTC even without an offset. The page on Snapshot's hook shows timestamp
// so; the API result for the same call has a Z. timestamp_local is the site's wall clock: Brussels. timestamp_camera,
// if present, is the camera's own clock and goes before timestamp, the moment of reading.
func readPlateRecognizer(root *node) []*CameraEvent {
	var out []*CameraEvent
	for _, m := range unwrapMessages(root, isPlateRecognizerMessage) {
		out = append(out, readPlateRecognizerMessage(m)...)
	}
	return out
}

func isPlateRecognizerMessage(n *node) bool {
	return n.hasAnyChild("hook") || n.mentionsAny("results") || n.hasAnyChild("data") &&
		n.childNamed("data").mentionsAny("results")
}

// plateRecognizerIgnored maps hook events without a read: signs of life, clips, how long a vehicle stood after its
// plate came, and messages about the stream.
var plateRecognizerIgnored = map[string]IgnoredKind{
	"heartbeat": IgnoredHeartbeat, "test": IgnoredTest, "video": IgnoredTrack, "videoclip": IgnoredTrack,
	"clip": IgnoredTrack, "dwell": IgnoredTrack, "dwelltime": IgnoredTrack, "error": IgnoredState,
	"camera": IgnoredState, "camerastatus": IgnoredState, "status": IgnoredState, "offline": IgnoredState,
	"online": IgnoredState,
}

func readPlateRecognizerMessage(m *node) []*CameraEvent {
	all := m.childrenNamed("data")
	if len(all) == 0 || len(m.childrenNamed("results")) > 0 {
		all = append(all, m)
	}
	event := m.textAt("hook", "event")
	var out []*CameraEvent
	for _, data := range all {
		for i, r := range data.childrenNamed("results") {
			out = append(out, readPlateRecognizerResult(data, r, i))
		}
	}
	if len(out) > 0 {
		return out
	}
	data := all[0]
	kind, noPlate := plateRecognizerIgnored[foldWord(event)]
	switch {
	case data.hasEmptyList("results"):
		return []*CameraEvent{ignoreEvent(IgnoredEmpty)}
	case noPlate:
		return []*CameraEvent{ignoreEvent(kind)}
	case event != "" && foldWord(event) != "recognition" && foldWord(event) != "imagedone" &&
		foldWord(event) != "image":
		return []*CameraEvent{refuseEvent(schemas.ReasonUnsupported, "hook.event",
			"%.40q is no recognition; send recognition events", event)}
	}
	return []*CameraEvent{refuseEvent(schemas.ReasonMissingField, "results",
		"the message has no results, not even an empty list; send the webhook of Stream or Snapshot")}
}

func readPlateRecognizerResult(data, r *node, i int) *CameraEvent {
	ev := newEvent()
	plate, score, region := r.textAt("plate"), r.textAt("score"), r.childNamed("region")
	code, codeScore := firstNonEmpty(region.textAt("code"), region.textAt()), region.textAt("score")
	cands, text := r.childrenNamed("candidates"), "plate"
	vehicle := r.childNamed("vehicle")
	if !r.mentionsAny("plate") {
		return refuseEvent(schemas.ReasonMissingField, elementField("results", i, "plate"),
			"the result says no plate, not even null; send results as the engine writes them")
	}
	props := r.descend("plate", "props")
	if r.holdsFields("plate") && !props.mentionsAny("plate") {
		return refuseEvent(schemas.ReasonBadField, elementField("results", i, "plate"),
			"is neither a text nor has it props.plate; send results as the engine writes them")
	}
	if props != nil { // vehicle first: every guess in a list, best first
		cands, text = props.childrenNamed("plate"), "value"
		plate, score = firstGuess(cands)
		code, codeScore = props.textAt("region", "value"), props.textAt("region", "score")
	}
	if v := vehicle.childNamed("props"); v != nil {
		r = v
	}
	ev.setPlate(elementField("results", i, "plate"), plate)
	ev.addSource("data.camera_id", data.textAt("camera_id"))
	ev.setCapturedAt("timestamp", markUTC(data.textAt("timestamp_camera")), markUTC(data.textAt("timestamp")),
		data.textAt("timestamp_local"))
	ev.setConfidence(score, scaleOne)
	ev.setCountry(isoCountry(code), code)
	ev.setCountryConfidence(codeScore, scaleOne)
	for _, c := range cands {
		ev.addAlternative(c.textAt(text), c.textAt("score"), scaleOne)
	}
	makes := r.childrenNamed("model_make")
	if len(makes) == 0 {
		makes = r.childrenNamed("make_model")
	}
	ev.setMake(topScored(makes, "make", "score"))
	ev.setColour(firstNonEmpty(topScored(r.childrenNamed("color"), "color", "score"),
		topScored(r.childrenNamed("color"), "value", "score")))
	ev.Read.Direction = parseDirection(firstNonEmpty(topScored(r.childrenNamed("orientation"), "orientation", "score"),
		topScored(r.childrenNamed("orientation"), "value", "score")))
	ev.setKind(vehicle.textAt("type"))
	return ev
}

// firstGuess returns plate and score from the first guess.
func firstGuess(list []*node) (plate, score string) {
	if len(list) == 0 {
		return "", ""
	}
	return list[0].textAt("value"), list[0].textAt("score")
}
