package decode

import "github.com/gvc-brussels/anpr/schemas"

// checkValues applies every bound and range in the contract. Details name numbers, never texts: a plate must not reach
// a log.
func (w *wireValues) checkValues(alternatives []schemas.Alternative) *schemas.RejectError {
	switch {
	case w.hasTick && w.hasQuarantine:
		return newReject(schemas.ReasonBadField, "tick", "set together with quarantine; send two records")
	case w.hasTick:
		return w.checkTick()
	}
	if rej := w.checkSizes(); rej != nil {
		return rej
	}
	if w.hasQuarantine {
		if rej := w.checkQuarantine(); rej != nil {
			return rej
		}
	} else if rej := w.checkPresent(); rej != nil {
		return rej
	}
	if rej := w.checkRanges(); rej != nil {
		return rej
	}
	return checkAlternatives(alternatives)
}

func (w *wireValues) checkTick() *schemas.RejectError {
	doubt := w.format == schemas.FormatDoubt
	if doubt {
		if rej := w.checkDoubt(); rej != nil {
			return rej
		}
	}
	switch {
	case !doubt && (w.camera != "" || w.plate != "") || w.readIDLen != 0:
		return newReject(schemas.ReasonBadField, "tick", "set together with a camera's read; send two records")
	case w.tickAt == 0:
		return missingField("tick.at_us")
	case !inLogTime(schemas.Micros(w.tickAt)):
		return badTime("tick.at_us", w.tickAt)
	case w.received != 0 && !inLogTime(schemas.Micros(w.received)):
		return badTime("received_at_us", w.received)
	}
	return nil
}

// checkDoubt checks a tick's statement about a doubted read.
func (w *wireValues) checkDoubt() *schemas.RejectError {
	switch {
	case len(w.camera) > schemas.MaxCameraID:
		return tooLarge("camera_id", len(w.camera), schemas.MaxCameraID)
	case len(w.plate) > schemas.MaxRawPlate:
		return tooLarge("raw_plate", len(w.plate), schemas.MaxRawPlate)
	}
	return w.checkPresent()
}

func (w *wireValues) checkSizes() *schemas.RejectError {
	switch {
	case len(w.camera) > schemas.MaxCameraID:
		return tooLarge("camera_id", len(w.camera), schemas.MaxCameraID)
	case len(w.plate) > schemas.MaxRawPlate:
		return tooLarge("raw_plate", len(w.plate), schemas.MaxRawPlate)
	case len(w.country) > maxCountry:
		return tooLarge("country", len(w.country), maxCountry)
	case len(w.event) > schemas.MaxEventID:
		return tooLarge("camera_event_id", len(w.event), schemas.MaxEventID)
	case len(w.format) > schemas.MaxText:
		return tooLarge("format", len(w.format), schemas.MaxText)
	case len(w.make) > schemas.MaxText:
		return tooLarge("make", len(w.make), schemas.MaxText)
	case len(w.colour) > schemas.MaxText:
		return tooLarge("colour", len(w.colour), schemas.MaxText)
	case len(w.imageKinds) > schemas.MaxText:
		return tooLarge("image_kinds", len(w.imageKinds), schemas.MaxText)
	case w.readIDLen != 0 && w.readIDLen != len(w.readID):
		return badLength("read_id", w.readIDLen, len(w.readID))
	case w.imageLen != 0 && w.imageLen != len(w.image):
		return badLength("image_sha256", w.imageLen, len(w.image))
	}
	return nil
}

func (w *wireValues) checkPresent() *schemas.RejectError {
	switch {
	case w.camera == "":
		return missingField("camera_id")
	case w.plate == "":
		return missingField("raw_plate")
	case w.captured == 0:
		return missingField("captured_at_us")
	case w.received == 0:
		return missingField("received_at_us")
	}
	return nil
}

func (w *wireValues) checkRanges() *schemas.RejectError {
	switch {
	case !inLogTime(schemas.Micros(w.received)):
		return badTime("received_at_us", w.received)
	case w.countryPM > 1000:
		return outOfRange("country_confidence_pm", w.countryPM, 1000)
	case w.confidencePM > 1000:
		return outOfRange("confidence_pm", w.confidencePM, 1000)
	case w.lane > schemas.MaxLane:
		return outOfRange("lane", w.lane, schemas.MaxLane)
	case w.speed > uint32(schemas.MaxSpeed):
		return outOfRange("speed_dkmh", w.speed, uint32(schemas.MaxSpeed))
	}
	return nil
}

func (w *wireValues) checkQuarantine() *schemas.RejectError {
	q := &w.quarantine
	switch {
	case w.received == 0:
		return missingField("received_at_us")
	case q.reason == "":
		return missingField("quarantine.reason")
	case len(q.reason) > schemas.MaxText:
		return tooLarge("quarantine.reason", len(q.reason), schemas.MaxText)
	case len(q.field) > schemas.MaxText:
		return tooLarge("quarantine.field", len(q.field), schemas.MaxText)
	case len(q.detail) > maxDetail:
		return tooLarge("quarantine.detail", len(q.detail), maxDetail)
	case len(q.contentType) > maxContentType:
		return tooLarge("quarantine.content_type", len(q.contentType), maxContentType)
	}
	if _, ok := schemas.ParseReason(q.reason); !ok {
		return newReject(schemas.ReasonBadField, "quarantine.reason", "not the name of a reject reason this version knows")
	}
	return nil
}

func checkAlternatives(cs []schemas.Alternative) *schemas.RejectError {
	for i := range cs {
		if n := len(cs[i].Plate); n > schemas.MaxRawPlate {
			return tooLarge("candidates.plate", n, schemas.MaxRawPlate)
		}
		if c := cs[i].Confidence; c > 1000 {
			return outOfRange("candidates.confidence_pm", uint32(c), 1000)
		}
	}
	return nil
}

func missingField(field string) *schemas.RejectError {
	return newReject(schemas.ReasonMissingField, field, "must be set")
}

func tooLarge(field string, n, most int) *schemas.RejectError {
	return schemas.Rejectf(schemas.ReasonTooLarge, field, "%d bytes, at most %d allowed", n, most)
}

func tooManyAlternatives() *schemas.RejectError {
	return schemas.Rejectf(schemas.ReasonTooLarge, "candidates", "more than %d of them", schemas.MaxAlternatives)
}

func tooManyMeasures() *schemas.RejectError {
	return schemas.Rejectf(schemas.ReasonTooLarge, "measures", "more than %d of them", schemas.MaxMeasures)
}

func badLength(field string, n, want int) *schemas.RejectError {
	return schemas.Rejectf(schemas.ReasonBadField, field, "%d bytes, must be %d or absent", n, want)
}

func outOfRange(field string, v, most uint32) *schemas.RejectError {
	return schemas.Rejectf(schemas.ReasonBadField, field, "%d, at most %d allowed", v, most)
}

func badTime(field string, v int64) *schemas.RejectError {
	return schemas.Rejectf(schemas.ReasonBadField, field,
		"%d is not a time of 2020..2099 in microseconds since 1970; check the producer's unit and clock", v)
}
