package rules

import "github.com/gvc-brussels/anpr/schemas"

// careful is a reference that ignores answers for a German plate with a missing boundary. BMW123 in a register, a
// registration, an exemption or a pass is B-MW 123 or BM-W 123, and the vehicle read may be the other.
type careful struct{ Reference }

// withBoundaries returns the reference for deciding a passage. It allocates only for an ambiguous plate.
func withBoundaries(ref Reference, s *Subject) Reference {
	for _, on := range [...]*schemas.Sighting{&s.Passage.Best, &s.Passage.Measured} {
		if (on.Country.IsZero() || on.Country == schemas.Germany) && on.Plate.Ambiguous() {
			return careful{ref}
		}
	}
	for i := range s.Passage.Measurements {
		if on := &s.Passage.Measurements[i].On; (on.Country.IsZero() || on.Country == schemas.Germany) && on.Plate.Ambiguous() {
			return careful{ref}
		}
	}
	return ref
}

func isAmbiguousIn(p schemas.Plate, c schemas.Country) bool {
	return c == schemas.Germany && p.Ambiguous()
}

func (r careful) Vehicle(p schemas.Plate, c schemas.Country, at schemas.Micros) (schemas.Vehicle, bool) {
	v, ok := r.Reference.Vehicle(p, c, at)
	if ok && isAmbiguousIn(p, v.Country) {
		return schemas.Vehicle{}, false
	}
	return v, ok
}

func (r careful) Registration(p schemas.Plate, c schemas.Country, day schemas.Day) (schemas.Registration, bool) {
	x, ok := r.Reference.Registration(p, c, day)
	if ok && isAmbiguousIn(p, x.Country) {
		return schemas.Registration{}, false
	}
	return x, ok
}

func (r careful) Exemption(p schemas.Plate, c schemas.Country, f schemas.Family, day schemas.Day) (schemas.Exemption, bool) {
	if isAmbiguousIn(p, c) {
		return schemas.Exemption{}, false
	}
	return r.Reference.Exemption(p, c, f, day)
}

func (r careful) DayPass(p schemas.Plate, c schemas.Country, day schemas.Day) (schemas.DayPass, bool) {
	if isAmbiguousIn(p, c) {
		return schemas.DayPass{}, false
	}
	return r.Reference.DayPass(p, c, day)
}

func (r careful) Permit(p schemas.Plate, c schemas.Country, zone string, at schemas.Micros) (schemas.Permit, bool) {
	x, ok := r.Reference.Permit(p, c, zone, at)
	if ok && isAmbiguousIn(p, x.Country) {
		return schemas.Permit{}, false
	}
	return x, ok
}

// checkBoundary holds a German plate that two vehicles may share: the needed boundary was not read, or was read while
// a registration, an exemption or a pass has the same letters and digits without a boundary. It reports whether the
// plate belongs to a single vehicle.
func (b *decisionBuilder) checkBoundary() bool {
	on := &b.d.On
	text := on.Plate.Unbounded()
	german := on.Country == schemas.Germany || text != on.Plate
	if !german || !text.Ambiguous() {
		return true
	}
	alone := text != on.Plate && !b.isEnteredUnbounded(text)
	b.addClause(stepBoundary, alone)
	if !alone {
		b.addHold(reasonPlateAmbiguous, 0)
	}
	return alone
}

// isEnteredUnbounded reports whether the reference data know a German plate by these characters.
func (b *decisionBuilder) isEnteredUnbounded(text schemas.Plate) bool {
	at, day := b.d.On.CapturedAt, b.d.On.CapturedAt.Day()
	if _, ok := b.ref.Vehicle(text, schemas.Germany, at); ok {
		return true
	}
	if _, ok := b.ref.Registration(text, schemas.Germany, day); ok {
		return true
	}
	if _, ok := b.ref.Exemption(text, schemas.Germany, b.d.Family, day); ok {
		return true
	}
	_, ok := b.ref.DayPass(text, schemas.Germany, day)
	return ok
}
