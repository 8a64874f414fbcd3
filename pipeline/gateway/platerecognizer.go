package gateway

import "github.com/gvc-brussels/anpr/schemas"

// platerecognizer reads what Plate Recognizer sends (DOMAIN 5.9): the webhook of Stream, one frame with several results,
// each a read; the webhook of Snapshot (image.done), sent for every call, plate or not; and their results without the
// hook around them. There is no event id. The newer form with the plate as an object under each vehicle is read too; a
// vehicle without a plate was not read. The direction comes from the orientation: a front is coming towards the camera.
// The angle direction is not used.
//
// Times: timestamp and timestamp_camera are UTC also where they say no offset (the page on Snapshot's hook shows timestamp
// so, the API result of the same call has a Z); timestamp_local is the wall clock of the site. timestamp_camera, when the
// stream has it, is the camera's own clock and goes before timestamp, the moment of reading.
func platerecognizer(root *node) []*Parsed {
	var out []*Parsed
	for _, m := range unwrap(root, platerecognizerKnown) {
		out = append(out, platerecognizerMessage(m)...)
	}
	return out
}

func platerecognizerKnown(n *node) bool {
	return n.hasAny("hook") || n.says("results") || n.hasAny("data") && n.child("data").says("results")
}

// noPlateEvents are the events of hooks that hold no read: signs of life, clips, how long a vehicle stood whose plate came
// before, and messages about the stream.
var noPlateEvents = map[string]IgnoredKind{
	"heartbeat": IgnoredHeartbeat, "test": IgnoredTest, "video": IgnoredTrack, "videoclip": IgnoredTrack, "clip": IgnoredTrack, "dwell": IgnoredTrack,
	"dwelltime": IgnoredTrack, "error": IgnoredState, "camera": IgnoredState, "camerastatus": IgnoredState, "status": IgnoredState,
	"offline": IgnoredState, "online": IgnoredState,
}

func platerecognizerMessage(m *node) []*Parsed {
	all := m.all("data")
	if len(all) == 0 || len(m.all("results")) > 0 {
		all = append(all, m)
	}
	event := m.val("hook", "event")
	var out []*Parsed
	for _, data := range all {
		for i, r := range data.all("results") {
			out = append(out, platerecognizerResult(data, r, i))
		}
	}
	if len(out) > 0 {
		return out
	}
	data := all[0]
	kind, noPlate := noPlateEvents[fold(event)]
	switch {
	case data.emptyList("results"):
		return []*Parsed{ignored(IgnoredEmpty)}
	case noPlate:
		return []*Parsed{ignored(kind)}
	case event != "" && fold(event) != "recognition" && fold(event) != "imagedone" && fold(event) != "image":
		return []*Parsed{refused(schemas.ReasonUnsupported, "hook.event", "%.40q is no recognition; send recognition events", event)}
	}
	return []*Parsed{refused(schemas.ReasonMissingField, "results", "the message has no results, not even an empty list; send the webhook of Stream or Snapshot")}
}

func platerecognizerResult(data, r *node, i int) *Parsed {
	p := newParsed()
	plate, score, region := r.val("plate"), r.val("score"), r.child("region")
	code, codeScore := either(region.val("code"), region.val()), region.val("score")
	cands, text := r.all("candidates"), "plate"
	vehicle := r.child("vehicle")
	if !r.says("plate") {
		return refused(schemas.ReasonMissingField, index("results", i, "plate"), "the result says no plate, not even null; send results as the engine writes them")
	}
	props := r.at("plate", "props")
	if r.structured("plate") && !props.says("plate") {
		return refused(schemas.ReasonBadField, index("results", i, "plate"), "is neither a text nor has it props.plate; send results as the engine writes them")
	}
	if props != nil { // vehicle first: every guess in a list, best first
		cands, text = props.all("plate"), "value"
		plate, score = firstGuess(cands)
		code, codeScore = props.val("region", "value"), props.val("region", "score")
	}
	if v := vehicle.child("props"); v != nil {
		r = v
	}
	p.plate(index("results", i, "plate"), plate)
	p.sourcedFrom("data.camera_id", data.val("camera_id"))
	p.capturedAt("timestamp", markUTC(data.val("timestamp_camera")), markUTC(data.val("timestamp")), data.val("timestamp_local"))
	p.confidence(score, ofOne)
	p.country(isoCountry(code), code)
	p.regionConfidence(codeScore, ofOne)
	for _, c := range cands {
		p.candidate(c.val(text), c.val("score"), ofOne)
	}
	makes := r.all("model_make")
	if len(makes) == 0 {
		makes = r.all("make_model")
	}
	p.makeName(bestOf(makes, "make", "score"))
	p.colour(either(bestOf(r.all("color"), "color", "score"), bestOf(r.all("color"), "value", "score")))
	p.Read.Direction = direction(either(bestOf(r.all("orientation"), "orientation", "score"), bestOf(r.all("orientation"), "value", "score")))
	p.kind(vehicle.val("type"))
	return p
}

// firstGuess returns plate and score of the first guess.
func firstGuess(list []*node) (plate, score string) {
	if len(list) == 0 {
		return "", ""
	}
	return list[0].val("value"), list[0].val("score")
}
