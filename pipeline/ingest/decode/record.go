package decode

import "github.com/gvc-brussels/anpr/schemas"

// Record resets dst and decodes a record from anpr.reads.v1 into it. It keeps dst.Alternatives' capacity and does not
// allocate for a Protobuf read, except for a rejection.
//
// dst's strings and slices alias b: a caller that keeps them longer than b copies them. b is not changed. After a
// rejection only dst.Camera and dst.ReceivedAt have a meaning: their readable values, for the dead-letter row.
//
// dst.Tick is set for a tick, dst.Quarantine for a refused upload. Any other record is a camera's read, and has still
// to pass CheckClock and pipeline/ingest/normalise.
func Record(dst *schemas.Read, b []byte) *schemas.RejectError {
	dst.Reset()
	if len(b) == 0 {
		return newReject(schemas.ReasonMalformed, "", "empty record")
	}
	isJSON := looksJSON(b)
	if isJSON && fastJSON(dst, b) || !isJSON && fastProtobuf(dst, b) {
		return nil
	}
	return decodeGeneral(dst, b, isJSON)
}

// decodeGeneral decodes the records left by the fast paths; only decodeGeneral rejects.
func decodeGeneral(dst *schemas.Read, b []byte, isJSON bool) *schemas.RejectError {
	dst.Reset()
	var w wireValues
	var rej *schemas.RejectError
	if isJSON {
		rej = w.parseJSON(dst, b)
	} else {
		rej = w.parseProtobuf(dst, b)
	}
	if rej != nil {
		w.keepIdentity(dst)
		return rej
	}
	return w.fillRead(dst)
}

// looksJSON reports whether the first byte outside JSON white space opens an object.
func looksJSON(b []byte) bool {
	for _, c := range b {
		switch c {
		case '{':
			return true
		case ' ', '\t', '\n', '\r':
		default:
			return false
		}
	}
	return false
}

func newReject(r schemas.Reason, field, detail string) *schemas.RejectError {
	return &schemas.RejectError{Reason: r, Field: field, Detail: detail}
}
