package reference

import (
	"fmt"
	"slices"

	"github.com/goccy/go-yaml/ast"

	"github.com/gvc-brussels/anpr/schemas"
)

func readTunnelCategory(s string) (byte, error) {
	c, ok := schemas.ParseTunnelCategory(s)
	if !ok {
		return 0, fmt.Errorf("%.40q is none of A, B, C, D, E", s)
	}
	return c, nil
}

// readTunnels reads the categories of the tunnels that a camera sees vehicles in. A category that changes by the hour, or from
// a day on, is another row.
func readTunnels(m *yamlMap, c *schemas.Camera) {
	m.eachMapping("tunnels", func(m *yamlMap) {
		before := len(m.p.list)
		t := schemas.Tunnel{ID: yamlValue(m, "id", readIdent), Category: yamlValue(m, "category", readTunnelCategory), Hours: readHours(m)}
		t.Place.Direction = yamlOptional(m, "direction", schemas.DirectionUnknown, readDirection)
		t.Place.Lanes = readLaneNumbers(m)
		t.Verified = yamlOptional(m, "verified", false, readBool)
		t.ValidFrom, t.ValidTo = m.readPeriod(true, false)
		t.LegalBasis = readCitedBasis(m, "legal_basis", t.ValidFrom.Day())
		for i := range c.Tunnels {
			e := &c.Tunnels[i]
			if len(m.p.list) == before && e.ID == t.ID && placesMeet(e.Place, t.Place) && periodsMeet(period{e.ValidFrom, e.ValidTo}, period{t.ValidFrom, t.ValidTo}) && slotsMeet(e.Hours, t.Hours) {
				m.p.addProblemf(m.line, m.path, "gives tunnel %s another category at the time of tunnels[%d]; end the older with valid_to, or give them different hours or lanes", t.ID, i)
			}
		}
		c.Tunnels = append(c.Tunnels, t)
	})
}

// readLaneNumbers reads lanes: [1, 2]; none = every lane.
func readLaneNumbers(m *yamlMap) (lanes []uint8) {
	m.eachElement("lanes", func(n ast.Node, path string) {
		s, err := scalarText(n)
		lane := 0
		if err == nil {
			lane, err = readInteger(s, 1, schemas.MaxLane)
		}
		if err != nil {
			m.p.addProblem(lineOf(n), path, err.Error())
			return
		}
		lanes = append(lanes, uint8(lane))
	})
	return lanes
}

// placesMeet reports whether a read can be in both places.
func placesMeet(a, b schemas.ZoneEntry) bool {
	if a.Direction != schemas.DirectionUnknown && b.Direction != schemas.DirectionUnknown && a.Direction != b.Direction {
		return false
	}
	if len(a.Lanes) == 0 || len(b.Lanes) == 0 {
		return true
	}
	for _, lane := range a.Lanes {
		if slices.Contains(b.Lanes, lane) {
			return true
		}
	}
	return false
}
