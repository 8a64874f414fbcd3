package dedup

import "github.com/gvc-brussels/anpr/schemas"

// wasCapturedBefore reports whether r was captured before at, or at the same time with the smaller id.
func wasCapturedBefore(r *schemas.Read, at schemas.Micros, id *schemas.ReadID) bool {
	if r.CapturedAt != at {
		return r.CapturedAt < at
	}
	return string(r.ID.ID[:]) < string(id.ID[:])
}

func isBetterBest(r *schemas.Read, s *schemas.Sighting) bool {
	if r.Confidence != s.Confidence {
		return r.Confidence > s.Confidence
	}
	return wasCapturedBefore(r, s.CapturedAt, &s.Read)
}

func isSlowerMeasured(r *schemas.Read, s *schemas.Sighting) bool {
	if r.Speed != s.Speed {
		return r.Speed < s.Speed
	}
	return wasCapturedBefore(r, s.CapturedAt, &s.Read)
}

func writeSighting(s *schemas.Sighting, r *schemas.Read) {
	*s = schemas.Sighting{
		Read: r.ID, Camera: r.Camera, CapturedAt: r.CapturedAt, ReceivedAt: r.ReceivedAt,
		Plate: r.Plate, Country: r.Country, CountryConfidence: r.CountryConfidence, Confidence: r.Confidence, Lane: r.Lane, Direction: r.Direction,
		Kind: r.Kind, Speed: r.Speed, Flags: r.Flags, Make: r.Make, Colour: r.Colour, Image: r.Image,
	}
}
