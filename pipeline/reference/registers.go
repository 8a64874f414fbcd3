package reference

import "github.com/gvc-brussels/anpr/schemas"

// register describes the copy of a country's vehicle register.
type register struct {
	name    string
	country schemas.Country
	asOf    schemas.Micros
}

// loadRegisters reads registers.yaml. The result is a handful, searched from the start.
func loadRegisters(b []byte, p *problems) []register {
	var out []register
	root := yamlRoot(b, p)
	if root == nil {
		return nil
	}
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
	root.checkKeys()
	return out
}
