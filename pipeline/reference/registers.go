package reference

import (
	"fmt"
	"slices"

	"github.com/gvc-brussels/anpr/rules"
	"github.com/gvc-brussels/anpr/schemas"
)

// register describes the copy of a country's vehicle register.
type register struct {
	name    string
	country schemas.Country
	asOf    schemas.Micros
}

// copyNames are the copies whose age registers.yaml can state. The ages of the vehicle registers stand there by
// country.
var copyNames = []rules.Copy{rules.CopyRegistrations, rules.CopyPasses, rules.CopyExemptions, rules.CopyPermits, rules.CopyStanding}

func readCopyName(s string) (rules.Copy, error) {
	if c := rules.Copy(s); slices.Contains(copyNames, c) {
		return c, nil
	}
	return "", fmt.Errorf("%.40q is none of %v", s, copyNames)
}

// loadRegisters reads registers.yaml: the registers, and the ages of the other copies. The registers are a handful,
// searched from the start. permits is the stated number of permits, nil when it is not stated.
func loadRegisters(b []byte, p *problems) (out []register, copies map[rules.Copy]schemas.Micros, permits *int) {
	root := yamlRoot(b, p)
	if root == nil {
		return nil, nil, nil
	}
	copies = map[rules.Copy]schemas.Micros{}
	root.eachMapping("registers", func(m *yamlMap) {
		r := register{
			name:    yamlValue(m, "name", readIdent),
			country: yamlValue(m, "country", readCountry),
			asOf:    yamlValue(m, "as_of", readInstant),
		}
		for i := range out {
			if e := &out[i]; e.name == r.name || e.country == r.country {
				p.addProblemf(m.line, m.path, "has the name or country of registers[%d]; a country has one register", i)
			}
		}
		out = append(out, r)
	})
	root.eachMapping("copies", func(m *yamlMap) {
		name, asOf := yamlValue(m, "name", readCopyName), yamlValue(m, "as_of", readInstant)
		if _, twice := copies[name]; twice && name != "" {
			p.addProblemf(m.line, m.path, "says the age of %s again; a copy has one age", name)
		}
		copies[name] = asOf
		if name == rules.CopyPermits {
			if n := yamlOptional(m, "rows", -1, readInt(0, 10_000_000)); n >= 0 {
				permits = &n
			}
		}
	})
	root.checkKeys()
	return out, copies, permits
}
