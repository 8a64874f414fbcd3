package reference

import (
	"errors"
	"fmt"

	"github.com/gvc-brussels/anpr/schemas"
)

func readLaneSign(s string) (schemas.LaneSign, error) {
	sign, ok := schemas.ParseLaneSign(s)
	if !ok {
		return 0, fmt.Errorf("%.40q is neither F17 nor F18", s)
	}
	return sign, nil
}

func readLaneUse(s string) (schemas.LaneUse, error) {
	use, ok := schemas.ParseLaneUse(s)
	if !ok {
		return 0, fmt.Errorf("%.40q is neither bus nor bus_taxi", s)
	}
	return use, nil
}

// readReserved reads what reserves a lane. Where nothing else is written, a driver who turns may enter a lane F17.
func readReserved(m *yamlMap, l *schemas.Lane) {
	m.eachMapping("reserved", func(m *yamlMap) {
		before := len(m.p.list)
		x := schemas.ReservedLane{Sign: yamlValue(m, "sign", readLaneSign), Use: yamlValue(m, "use", readLaneUse), Hours: readHours(m)}
		x.TurnAllowed = yamlOptional(m, "turn_allowed", x.Sign == schemas.SignF17, readBool)
		x.Verified = yamlOptional(m, "verified", false, readBool)
		x.ValidFrom, x.ValidTo = m.readPeriod(true, false)
		x.LegalBasis = readCitedBasis(m, "legal_basis", x.ValidFrom.Day())
		if x.Sign == schemas.SignF18 && x.TurnAllowed {
			m.addProblem(m.line, "turn_allowed", errors.New("is true at a sign F18; nobody may enter such a track to turn"))
		}
		for i := range l.Reserved {
			e := &l.Reserved[i]
			if len(m.p.list) == before && periodsMeet(period{e.ValidFrom, e.ValidTo}, period{x.ValidFrom, x.ValidTo}) && slotsMeet(e.Hours, x.Hours) {
				m.p.addProblemf(m.line, m.path, "overlaps reserved[%d] in time; end the older with valid_to, or give them different hours", i)
			}
		}
		l.Reserved = append(l.Reserved, x)
	})
}
