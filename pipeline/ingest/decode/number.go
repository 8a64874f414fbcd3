package decode

import (
	"math"
	"strconv"
)

// number passes over a JSON number and returns it.
func (s *scanner) number() []byte {
	s.peek()
	if s.fault != nil {
		return nil
	}
	n := numberLen(s.b[s.at:])
	if n == 0 {
		s.fail("want a number")
		return nil
	}
	s.at += n
	return s.b[s.at-n : s.at]
}

// numberLen returns the length of the JSON number that b begins with, 0 when there is none.
func numberLen(b []byte) int {
	i := 0
	if i < len(b) && b[i] == '-' {
		i++
	}
	whole := digits(b[i:])
	if whole == 0 || whole > 1 && b[i] == '0' {
		return 0
	}
	i += whole
	if i < len(b) && b[i] == '.' {
		frac := digits(b[i+1:])
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
		exp := digits(b[i:])
		if exp == 0 {
			return 0
		}
		i += exp
	}
	return i
}

func digits(b []byte) int {
	for i, c := range b {
		if c < '0' || c > '9' {
			return i
		}
	}
	return len(b)
}

// integer reads a whole number: a JSON number or a string that holds one, 5e2 and 500.0 included, as protojson does.
func (s *scanner) integer() (neg bool, mag uint64) {
	c := s.peek()
	if c >= '1' && c <= '9' {
		if mag, n := shortInteger(s.b[s.at:]); n > 0 { // nearly always
			s.at += n
			return false, mag
		}
	}
	var n []byte
	if c == '"' {
		n = raw(s.text())
		if mag, short := shortInteger(n); short > 0 && short == len(n) && n[0] != '0' {
			return false, mag
		}
		if numberLen(n) != len(n) {
			n = nil
		}
	} else {
		n = s.number()
	}
	if s.fault != nil {
		return false, 0
	}
	neg, mag, ok := parseInteger(n)
	if !ok {
		s.fail("want a whole number of at most 64 bits")
	}
	return neg, mag
}

// shortInteger evaluates a number of at most 18 digits that begins with none of 0 and -, and returns its length: 0 when it
// is longer or has a fraction or an exponent.
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

// parseInteger evaluates a JSON number that is whole. Zero is never negative.
func parseInteger(n []byte) (neg bool, mag uint64, ok bool) {
	if len(n) > 0 && n[0] == '-' {
		neg, n = true, n[1:]
	}
	whole := digits(n)
	if whole == len(n) {
		mag, ok = decimal(0, n)
		return neg && mag != 0, mag, ok && whole > 0
	}
	mag, ok = scaled(n[:whole], n[whole:])
	return neg && mag != 0, mag, ok
}

// scaled evaluates digits before the point and the rest: fraction, exponent or both.
func scaled(whole, rest []byte) (mag uint64, ok bool) {
	var frac []byte
	if rest[0] == '.' {
		n := digits(rest[1:])
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
		v, err := strconv.ParseInt(text(rest[1:]), 10, 32)
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
		return decimal(0, whole[:cut])
	}
	if len(frac) > exp || exp > 20 {
		return 0, false
	}
	if mag, ok = decimal(0, whole); ok {
		mag, ok = decimal(mag, frac)
	}
	for range exp - len(frac) {
		if !ok {
			break
		}
		mag, ok = decimal(mag, []byte{'0'})
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

// decimal appends decimal digits to a value; ok is false when it exceeds 64 bits.
func decimal(v uint64, b []byte) (uint64, bool) {
	for _, c := range b {
		d := uint64(c - '0')
		if v > (math.MaxUint64-d)/10 {
			return 0, false
		}
		v = v*10 + d
	}
	return v, true
}

func (s *scanner) uint(most uint64) uint64 {
	neg, mag := s.integer()
	if neg || mag > most {
		s.fail("number out of the field's range")
		return 0
	}
	return mag
}

func (s *scanner) int(least, most int64) int64 {
	neg, mag := s.integer()
	switch {
	case neg && mag <= uint64(-(least+1))+1:
		return -int64(mag-1) - 1
	case !neg && mag <= uint64(most):
		return int64(mag)
	}
	s.fail("number out of the field's range")
	return 0
}
