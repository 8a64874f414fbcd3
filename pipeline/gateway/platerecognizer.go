package gateway

import "github.com/gvc-brussels/anpr/schemas"

// platerecognizer reads a Stream webhook (DOMAIN 5.9): one frame, several results, each a read. Stream gives no event
// id, so the id is made of time and plate. timestamp_camera, when the stream has it, is the camera's own clock and goes
// before timestamp, the moment of reading. The newer form with the plate as an object under each vehicle is read too.
// The direction comes from the orientation: a front is coming towards the camera. The angle direction is not used.
func platerecognizer(root *node) []*Parsed {
	data := root.child("data")
	if data == nil {
		data = root
	}
	event := fold(root.val("hook", "event"))
	if event == "heartbeat" {
		return []*Parsed{ignored(IgnoredHeartbeat)}
	}
	if event != "" && event != "recognition" && event != "image" && data.child("results") == nil {
		return []*Parsed{refused(schemas.ReasonUnsupported, "hook.event", "%.40q is no recognition; send recognition events", event)}
	}
	results := data.all("results")
	if len(results) == 0 {
		if data.child("timestamp") == nil {
			return []*Parsed{refused(schemas.ReasonMissingField, "results", "neither results nor a timestamp; send a recognition webhook")}
		}
		return []*Parsed{ignored(IgnoredEmpty)}
	}
	var out []*Parsed
	for i, r := range results {
		out = append(out, platerecognizerResult(data, r, i))
	}
	return out
}

func platerecognizerResult(data, r *node, i int) *Parsed {
	p := newParsed()
	plate, score, region := r.val("plate"), r.val("score"), r.child("region")
	code, codeScore := either(region.val("code"), region.val()), region.val("score")
	cands, text := r.all("candidates"), "plate"
	vehicle := r.child("vehicle")
	if props := r.at("plate", "props"); props != nil { // vehicle first: every guess in a list, best first
		cands, text = props.all("plate"), "value"
		plate, score = firstGuess(cands)
		code, codeScore = props.val("region", "value"), props.val("region", "score")
		if v := vehicle.child("props"); v != nil {
			r = v
		}
	}
	p.plate(index("results", i, "plate"), plate)
	p.sourcedFrom("data.camera_id", data.val("camera_id"))
	p.capturedAt("timestamp", data.val("timestamp_camera"), data.val("timestamp"), data.val("timestamp_local"))
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
	p.Read.VehicleKind = vehicleKind(vehicle.val("type"))
	return p
}

// firstGuess returns plate and score of the first guess.
func firstGuess(list []*node) (plate, score string) {
	if len(list) == 0 {
		return "", ""
	}
	return list[0].val("value"), list[0].val("score")
}
