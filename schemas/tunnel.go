package schemas

import "fmt"

// The categories of tunnels for dangerous goods (ADR 1.9.5.2): from A, without a restriction, to E, the strictest.
const (
	TunnelUnrestricted byte = 'A'
	TunnelStrictest    byte = 'E'
)

// ParseTunnelCategory reads a category: A to E.
func ParseTunnelCategory(s string) (byte, bool) {
	if len(s) == 1 && s[0] >= TunnelUnrestricted && s[0] <= TunnelStrictest {
		return s[0], true
	}
	return 0, false
}

// Tunnel is the category of the tunnel that a camera sees vehicles in, for a time. Immutable once loaded.
type Tunnel struct {
	ID         string
	Category   byte      // TunnelUnrestricted to TunnelStrictest
	Place      ZoneEntry // lanes and direction; its zone is nil
	Hours      Hours     // the zero value is always
	ValidFrom  Micros
	ValidTo    Micros // exclusive; 0 = open
	LegalBasis string // in every language, as package rules cites it
	Verified   bool
}

// HoldsAt reports whether the tunnel has the category at the instant.
func (t *Tunnel) HoldsAt(at Micros) bool {
	return at >= t.ValidFrom && (t.ValidTo == 0 || at < t.ValidTo) && t.Hours.Cover(at)
}

// Parts of the value of the measure [OrangePlate].
const (
	HighestUN    = 3600
	unDigits     = 10_000
	hazardDigits = 1000
	withX        = unDigits * hazardDigits // the hazard number begins with X: reacts dangerously with water
)

// OrangePlateNumbers splits the value of the measure [OrangePlate]: the hazard identification number as the plate shows it,
// and the UN number. un is 0 for a plate without numbers, and for numbers that no substance has.
func OrangePlateNumbers(value int64) (hazard string, un uint16) {
	n, x := value, ""
	if n >= withX {
		n, x = n-withX, "X"
	}
	danger, substance := n/unDigits, n%unDigits
	if value <= 0 || danger < 20 || danger >= hazardDigits || substance < 4 || substance > HighestUN {
		return "", 0
	}
	return fmt.Sprintf("%s%d", x, danger), uint16(substance)
}

// OrangePlateValue joins a hazard identification number (X423, 33) and a UN number of four digits to the value of the measure
// [OrangePlate]; ok is false when they are none.
func OrangePlateValue(hazard, un string) (value int64, ok bool) {
	if len(hazard) > 0 && hazard[0] == 'X' {
		value, hazard = withX, hazard[1:]
	}
	if len(hazard) < 2 || len(hazard) > 3 || len(un) != 4 {
		return 0, false
	}
	for _, c := range []byte(hazard + un) {
		if c < '0' || c > '9' {
			return 0, false
		}
	}
	n := int64(0)
	for _, c := range []byte(hazard + un) {
		n = 10*n + int64(c-'0')
	}
	value += n
	_, substance := OrangePlateNumbers(value)
	return value, substance != 0
}

// FormatUN writes a UN number with its four digits.
func FormatUN(un uint16) string { return fmt.Sprintf("%04d", un) }
