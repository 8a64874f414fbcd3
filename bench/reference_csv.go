package bench

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"github.com/gvc-brussels/anpr/schemas"
)

func sha256Hex(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

// writeVehicles writes both registers' rows: each plate's vehicle, and for some plates the former vehicle.
func (c *City) writeVehicles(w *bufio.Writer) {
	fmt.Fprintln(w, "plate,country,category,fuel,euro,oldtimer,first_registration,valid_from,valid_to,class")
	row := make([]byte, 0, 128)
	for i := range c.vehicles {
		v := &c.vehicles[i]
		if v.flags&inRegister == 0 || !v.hasRegister() {
			continue
		}
		row = appendVehicle(row[:0], v, v.validFrom, 0)
		_, _ = w.Write(row) // the error stays in w until Flush
	}
	for _, e := range c.earlier {
		v := c.vehicles[e.vehicle]
		if v.flags&inRegister == 0 {
			continue
		}
		v.fuel, v.euro, v.firstRegistration = e.fuel, e.euro, e.validFrom-900
		row = appendVehicle(row[:0], &v, e.validFrom, e.validTo)
		_, _ = w.Write(row)
	}
}

func appendVehicle(b []byte, v *vehicle, from, to schemas.Day) []byte {
	b = append(v.plate.AppendTo(b), ',')
	b = append(append(b, countries[v.country].String()...), ',')
	b = append(append(b, v.category.String()...), ',')
	b = append(append(b, v.fuel.String()...), ',')
	b = append(append(b, v.euro.String()...), ',')
	b = append(strconv.AppendBool(b, v.flags&oldtimer != 0), ',')
	b = append(append(b, formatDay(v.firstRegistration)...), ',')
	b = append(append(b, formatDay(from)...), ',')
	b = append(append(b, formatDay(to)...), ',')
	if c := v.n1Class(); c != schemas.N1ClassUnknown {
		b = append(b, c.String()...)
	}
	return append(b, '\n')
}

func (c *City) writeExemptions(w *bufio.Writer) {
	fmt.Fprintln(w, "plate,country,family,kind,ref,valid_from,valid_to")
	for _, x := range c.permits.exemptions {
		v := &c.vehicles[x.vehicle]
		fmt.Fprintf(w, "%s,%s,lez,%s,%s,%s,%s\n", v.plate, countries[v.country], x.kind, x.ref, formatDay(x.from), formatDay(x.to))
	}
}

func (c *City) writePasses(w *bufio.Writer) {
	fmt.Fprintln(w, "plate,country,day")
	for _, x := range c.permits.passes {
		v := &c.vehicles[x.vehicle]
		fmt.Fprintf(w, "%s,%s,%s\n", v.plate, countries[v.country], x.day)
	}
}

func (c *City) writeRegistrations(w *bufio.Writer) {
	fmt.Fprintln(w, "plate,country,valid_from,valid_to")
	for _, x := range c.permits.registrations {
		v := &c.vehicles[x.vehicle]
		fmt.Fprintf(w, "%s,%s,%s,%s\n", v.plate, countries[v.country], formatDay(x.from), formatDay(x.to))
	}
}

func (c *City) writeList(w *bufio.Writer, list string) {
	fmt.Fprintln(w, "id,plate,country,reason,case_ref,priority,valid_from,valid_to,audience,confusable")
	for i := range c.entries {
		e := &c.entries[i]
		if e.List != list {
			continue
		}
		fmt.Fprintf(w, "%s,%s,%s,%s,%s,%d,%s,%s,%s,%t\n", e.ID, e.Plate, e.Country, e.Reason, e.CaseRef, e.Priority,
			formatMoment(e.ValidFrom), formatMoment(e.ValidTo), strings.Join(e.Audience, "|"), e.Confusable)
	}
}
