package decode

import (
	"math"
	"strconv"
)

// readNumber passes over a JSON number and returns it.
func (s *scanner) readNumber() []byte {
	s.peekByte()
	if s.fault != nil {
		return nil
	}
	n := numberLen(s.b[s.at:])
	if n == 0 {
		s.setFault("want a number")
		return nil
	}
	s.at += n
	return s.b[s.at-n : s.at]
}

// numberLen returns the length of the JSON number at the beginning of b, 0 when there is none.
func numberLen(b []byte) int {
	i := 0
	if i < len(b) && b[i] == '-' {
		i++
	}
	whole := countDigits(b[i:])
	if whole == 0 || whole > 1 && b[i] == '0' {
		return 0
	}
	i += whole
	if i < len(b) && b[i] == '.' {
		frac := countDigits(b[i+1:])
		if frac == 0 {
			return 0
		}
		i += 1 + frac
	}
	if i < len(b) && b[i]|0x20 == 'e' {
		i++
		if i < len(b) && (b[i] == '+' || b[i] == '-') {
			i++
		}
		exp := countDigits(b[i:])
		if exp == 0 {
			return 0
		}
		i += exp
	}
	return i
}

func countDigits(b []byte) int {
	for i, c := range b {
		if c < '0' || c > '9' {
			return i
		}
	}
	return len(b)
}

// readInteger reads a whole number: a JSON number or a string with a number, 5e2 and 500.0 included, like protojson.
func (s *scanner) readInteger() (neg bool, mag uint64) {
	c := s.peekByte()
	if c >= '1' && c <= '9' {
		if mag, n := shortInteger(s.b[s.at:]); n > 0 { // nearly always
			s.at += n
			return false, mag
		}
	}
	var n []byte
	if c == '"' {
		n = viewBytes(s.readText())
		if mag, short := shortInteger(n); short > 0 && short == len(n) && n[0] != '0' {
			return false, mag
		}
		if numberLen(n) != len(n) {
			n = nil
		}
	} else {
		n = s.readNumber()
	}
	if s.fault != nil {
		return false, 0
	}
	neg, mag, ok := parseInteger(n)
	if !ok {
		s.setFault("want a whole number of at most 64 bits")
	}
	return neg, mag
}

// shortInteger evaluates a number with at most 18 digits and without a leading 0 or -, and returns its length: 0 when
// the number is longer or has a fraction or an exponent.
func shortInteger(b []byte) (mag uint64, n int) {
	for n < len(b) && b[n]-'0' <= 9 {
		mag = mag*10 + uint64(b[n]-'0')
		n++
	}
	if n > 18 || n < len(b) && (b[n] == '.' || b[n]|0x20 == 'e') {
		return 0, 0
	}
	return mag, n
}

// parseInteger evaluates a whole JSON number. Zero is never negative.
func parseInteger(n []byte) (neg bool, mag uint64, ok bool) {
	if len(n) > 0 && n[0] == '-' {
		neg, n = true, n[1:]
	}
	whole := countDigits(n)
	if whole == len(n) {
		mag, ok = appendDecimal(0, n)
		return neg && mag != 0, mag, ok && whole > 0
	}
	mag, ok = parseScaled(n[:whole], n[whole:])
	return neg && mag != 0, mag, ok
}

// parseScaled evaluates the digits before the point and the rest: fraction, exponent or both.
func parseScaled(whole, rest []byte) (mag uint64, ok bool) {
	var frac []byte
	if rest[0] == '.' {
		n := countDigits(rest[1:])
		frac, rest = rest[1:1+n], rest[1+n:]
	}
	for len(frac) > 0 && frac[len(frac)-1] == '0' {
		frac = frac[:len(frac)-1]
	}
	if len(frac) == 0 && len(whole) == 1 && whole[0] == '0' {
		return 0, true
	}
	exp := 0
	if len(rest) > 0 {
		v, err := strconv.ParseInt(viewText(rest[1:]), 10, 32)
		if err != nil {
			return 0, false
		}
		exp = int(v)
	}
	if exp < 0 {
		cut := len(whole) + exp
		if len(frac) > 0 || cut < 0 || !allZero(whole[cut:]) {
			return 0, false
		}
		return appendDecimal(0, whole[:cut])
	}
	if len(frac) > exp || exp > 20 {
		return 0, false
	}
	if mag, ok = appendDecimal(0, whole); ok {
		mag, ok = appendDecimal(mag, frac)
	}
	for range exp - len(frac) {
		if !ok {
			break
		}
		mag, ok = appendDecimal(mag, []byte{'0'})
	}
	return mag, ok
}

func allZero(b []byte) bool {
	for _, c := range b {
		if c != '0' {
			return false
		}
	}
	return true
}

// appendDecimal appends decimal digits to a value; ok is false above 64 bits.
func appendDecimal(v uint64, b []byte) (uint64, bool) {
	for _, c := range b {
		d := uint64(c - '0')
		if v > (math.MaxUint64-d)/10 {
			return 0, false
		}
		v = v*10 + d
	}
	return v, true
}

func (s *scanner) readUint(most uint64) uint64 {
	neg, mag := s.readInteger()
	if neg || mag > most {
		s.setFault("number out of the field's range")
		return 0
	}
	return mag
}

func (s *scanner) readInt(least, most int64) int64 {
	neg, mag := s.readInteger()
	switch {
	case neg && mag <= uint64(-(least+1))+1:
		return -int64(mag-1) - 1
	case !neg && mag <= uint64(most):
		return int64(mag)
	}
	s.setFault("number out of the field's range")
	return 0
}
