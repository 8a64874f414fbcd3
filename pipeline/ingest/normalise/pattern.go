package normalise

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Sets of symbols, one bit each.
const (
	anyDigit  = uint64(1)<<10 - 1
	anyLetter = (uint64(1)<<36 - 1) &^ anyDigit
)

// expandPattern returns the templates of an alternative of a pattern; a template is the set of symbols allowed at each
// position. It panics on a pattern of another form than syntaxes documents.
func expandPattern(pattern string) [][]uint64 {
	out := [][]uint64{nil}
	for rest := pattern; rest != ""; {
		var set uint64
		set, rest = parseElement(rest)
		var least, most int
		least, most, rest = parseRepeat(rest)
		var next [][]uint64
		for _, t := range out {
			for n := least; n <= most; n++ {
				longer := slices.Clone(t)
				for range n {
					longer = append(longer, set)
				}
				next = append(next, longer)
			}
		}
		out = next
	}
	return out
}

func parseElement(p string) (set uint64, rest string) {
	switch p[0] {
	case 'A':
		return anyLetter, p[1:]
	case '9':
		return anyDigit, p[1:]
	case '[':
		if inside, rest, ok := strings.Cut(p[1:], "]"); ok {
			return parseClass(inside), rest
		}
	}
	panic(fmt.Sprintf("BUG: plate pattern at %q", p))
}

func parseClass(inside string) (set uint64) {
	for i := 0; i < len(inside); i++ {
		from, to := inside[i], inside[i]
		if i+2 < len(inside) && inside[i+1] == '-' {
			to = inside[i+2]
			i += 2
		}
		for c := from; c <= to; c++ {
			if symbol[c] == 0 && c != '0' {
				panic(fmt.Sprintf("BUG: plate pattern class %q", inside))
			}
			set |= 1 << symbol[c]
		}
	}
	return set
}

func parseRepeat(p string) (least, most int, rest string) {
	if rest, ok := strings.CutPrefix(p, "?"); ok {
		return 0, 1, rest
	}
	if !strings.HasPrefix(p, "{") {
		return 1, 1, p
	}
	inside, rest, ok := strings.Cut(p[1:], "}")
	low, high, two := strings.Cut(inside, ",")
	if !two {
		high = low
	}
	least, err1 := strconv.Atoi(low)
	most, err2 := strconv.Atoi(high)
	if !ok || err1 != nil || err2 != nil || least > most {
		panic(fmt.Sprintf("BUG: plate pattern repeat at %q", p))
	}
	return least, most, rest
}
