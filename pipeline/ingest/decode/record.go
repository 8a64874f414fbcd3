package decode

import "github.com/gvc-brussels/anpr/schemas"

// Record decodes one record of anpr.reads.v1 into dst, which it resets first. It keeps the capacity of dst.Candidates and
// does not allocate for a Protobuf read, unless it rejects it.
//
// The strings and slices of dst alias b: whoever keeps them longer than b copies them. b is not changed. After a
// rejection only dst.Camera and dst.ReceivedAt mean anything: what could be read of them, for the dead-letter row.
//
// dst.Tick is set when the record is a tick, dst.Quarantine when it is a refused upload; otherwise it is a camera's read,
// which CheckClock and pipeline/ingest/normalise have still to pass.
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

// decodeGeneral decodes whatever the fast paths leave: it alone knows how to reject.
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

// looksJSON reports whether the first byte that is not JSON white space opens an object.
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
