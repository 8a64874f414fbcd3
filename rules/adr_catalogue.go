package rules

import (
	"strconv"
	"strings"

	"github.com/gvc-brussels/anpr/schemas"
)

// noTunnelCode is the code of a substance that may be carried through every tunnel.
const noTunnelCode = "-"

// adrCode is a tunnel restriction code with its substances.
type adrCode struct {
	code tunnelCode
	un   []uint16
}

type rawADRCode struct {
	Meta rawProvenance `yaml:",inline"`
	Code string        `yaml:"code"`
	UN   []string      `yaml:"un" subject:"yes"`
}

type rawADRTrack struct {
	Meta rawProvenance `yaml:",inline"`
}

// Load implements [Family].
func (r *adr) Load(s *Sections) {
	r.general = s.general
	codes := declareSection(s, "adr_tunnel_codes", (*checker).convertADRCode)
	s.onLoaded(func(c *checker) {
		by := map[uint16][]datedValue[tunnelCode]{}
		var order []uint16
		for _, row := range *codes {
			for _, un := range row.v.un {
				if by[un] == nil {
					order = append(order, un)
				}
				by[un] = append(by[un], datedValue[tunnelCode]{row.provenance, row.v.code})
			}
		}
		r.codes = map[uint16]datedSeries[tunnelCode]{}
		for _, un := range order {
			r.codes[un] = chainValues(c, "adr_tunnel_codes of UN "+schemas.FormatUN(un), by[un])
		}
	})
	declareSeries(s, "adr_prosecutor", func(c *checker, path string, x *rawADRTrack) datedValue[struct{}] {
		return datedValue[struct{}]{provenance: c.checkProvenance(path, &x.Meta)}
	}, &r.track)
}

func (c *checker) convertADRCode(path string, r *rawADRCode) datedValue[adrCode] {
	e := datedValue[adrCode]{provenance: c.checkProvenance(path, &r.Meta)}
	var ok bool
	if e.v.code, ok = parseTunnelCode(r.Code); !ok {
		c.errorf(path+".code", "write it as in column 15 of ADR table A, without brackets: B, B1000C, B/D, D/E, -", "%q is no tunnel restriction code", r.Code)
	}
	e.v.un = parseEach(c, path+".un", r.UN, parseUN)
	return e
}

// parseUN reads a UN number of four digits.
func parseUN(s string) (uint16, bool) {
	n, err := strconv.ParseUint(s, 10, 16)
	return uint16(n), err == nil && len(s) == 4 && n >= 4 && n <= schemas.HighestUN
}

// parseTunnelCode reads a tunnel restriction code. Of a code with a mass (B1000C) the first letter holds above that mass,
// which no plate says, so it counts like the first letter of a code with two letters.
func parseTunnelCode(s string) (c tunnelCode, ok bool) {
	if s == noTunnelCode {
		return c, true
	}
	letters := strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' || r == '/' {
			return -1
		}
		return r
	}, s)
	for _, x := range []byte(letters) {
		if x < schemas.TunnelUnrestricted+1 || x > schemas.TunnelStrictest {
			return c, false
		}
	}
	switch {
	case len(letters) == 1 && len(s) == 1:
		return tunnelCode{letters[0], letters[0]}, true
	case len(letters) == 2 && len(s) > 2 && letters[0] < letters[1]:
		return tunnelCode{letters[0], letters[1]}, true
	default:
		return c, false
	}
}

// String returns the code as ADR writes it; a code with a mass is written with a stroke.
func (c tunnelCode) String() string {
	switch c.tank {
	case 0:
		return noTunnelCode
	case c.other:
		return string(c.tank)
	default:
		return string(c.tank) + "/" + string(c.other)
	}
}
