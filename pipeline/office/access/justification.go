package access

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/gvc-brussels/anpr/schemas"
)

// Justification is the statement that a person makes once, before looking anything up.
type Justification struct {
	Purpose       Purpose
	Reason        string // why, in words
	CaseRef       string // file number
	ProsecutorRef string // number of the King's Prosecutor's decision, for the judicial purpose
}

// Forms are the number forms in force, from the catalogue. In a form 9 stands for a digit, A for a letter, yyyy or yy
// for the year. Every other character stands for itself.
type Forms struct {
	FileNumbers       map[string][]string // by purpose
	FirstYears        map[string]int      // by purpose: the first year in file numbers
	DecisionNumbers   []string
	FirstDecisionYear int
	StopWords         []string // words that are no reason alone
}

// Fault says what is wrong with a request's field, and what would be right.
type Fault struct {
	Field  string
	Code   string
	Detail string
	Args   []string // values for the code's text; the user sent none of them
}

// Codes of faults in a justification.
const (
	FaultMissing    = "missing"
	FaultForm       = "form"
	FaultYear       = "year"
	FaultTooLong    = "too_long"
	FaultTooShort   = "too_short"
	FaultText       = "text"
	FaultWords      = "words"
	FaultLetters    = "letters"
	FaultStopWords  = "stop_words"
	FaultPlate      = "plate"
	FaultNotAllowed = "not_allowed"
)

// Minimum for a reason.
const (
	minReasonWords   = 2
	minReasonLetters = 5 // different ones
)

// Hours that a purpose stays open.
const (
	hoursOfTraffic = 8 // traffic and oversight, a shift
	hoursOfPolice  = 2 // judicial and administrative, one look at one file
)

// OpenFor returns the longest time that a purpose stays open.
func (p Purpose) OpenFor() schemas.Micros {
	if p == Judicial || p == Administrative {
		return hoursOfPolice * schemas.Hour
	}
	return hoursOfTraffic * schemas.Hour
}

// Normalise trims the texts, and writes numbers in capital letters.
func (j *Justification) Normalise() {
	j.Reason = strings.Join(strings.Fields(j.Reason), " ")
	j.CaseRef = strings.ToUpper(strings.TrimSpace(j.CaseRef))
	j.ProsecutorRef = strings.ToUpper(strings.TrimSpace(j.ProsecutorRef))
}

// Check returns all faults in a normalised justification at an instant.
func (j *Justification) Check(forms *Forms, at schemas.Micros) (out []Fault) {
	for _, t := range []struct {
		name, text string
		most       int
	}{{"reason", j.Reason, MaxReason}, {"case_ref", j.CaseRef, MaxRef}, {"prosecutor_ref", j.ProsecutorRef, MaxRef}} {
		if f, bad := checkText(t.name, t.text, t.most); bad {
			out = append(out, f)
		}
	}
	if len(out) > 0 || j.Purpose == Operation {
		return out
	}
	if f, bad := checkReason(j.Reason, forms.StopWords); bad {
		out = append(out, f)
	}
	if allowed := forms.FileNumbers[string(j.Purpose)]; len(allowed) > 0 {
		if f, bad := checkNumber("case_ref", j.CaseRef, allowed, forms.FirstYears[string(j.Purpose)], at); bad {
			out = append(out, f)
		}
	}
	switch {
	case j.ProsecutorRef == "":
	case j.Purpose != Judicial:
		out = append(out, Fault{"prosecutor_ref", FaultNotAllowed, "belongs to the judicial purpose alone: leave it out", nil})
	default:
		if f, bad := checkNumber("prosecutor_ref", j.ProsecutorRef, forms.DecisionNumbers, forms.FirstDecisionYear, at); bad {
			out = append(out, f)
		}
	}
	return out
}

// checkNumber compares a number with the forms in force, and the number's year with the year at an instant.
func checkNumber(field, text string, forms []string, firstYear int, at schemas.Micros) (Fault, bool) {
	if i := slices.IndexFunc(forms, func(form string) bool { return HasForm(form, text) }); i >= 0 {
		return checkYear(field, yearIn(forms[i], text), firstYear, at.Local().Year())
	}
	code, begin := FaultForm, "is not of a form in use"
	if text == "" {
		code, begin = FaultMissing, "is missing"
	}
	return Fault{field, code, fmt.Sprintf("%s: write it as %s, where 9 is a digit, A a letter and y a digit of the year", begin, strings.Join(forms, " or ")), forms}, true
}

// checkYear checks that the year lies between the form's first year and the present one; 0 = the form has no year.
func checkYear(field string, year, first, present int) (Fault, bool) {
	if year == 0 || year >= first && year <= present {
		return Fault{}, false
	}
	return Fault{field, FaultYear, fmt.Sprintf("has a year that cannot be: such numbers have the years %d to %d; check the year", first, present), []string{strconv.Itoa(first), strconv.Itoa(present)}}, true
}

// yearIn returns the year in a number with this form; 0 = the form has no year. Two digits stand for a year in this
// century.
func yearIn(form, text string) int {
	first, digits := strings.IndexByte(form, 'y'), strings.Count(form, "y")
	if digits == 0 {
		return 0
	}
	year, err := strconv.Atoi(text[first : first+digits])
	if err != nil {
		panic("BUG: a text of the form has no year: " + err.Error())
	}
	if digits == 2 {
		year += 2000
	}
	return max(year, 1) // 0000 is an impossible year, not a missing one
}

// HasForm reports whether a text has a form.
func HasForm(form, text string) bool {
	if len(form) != len(text) {
		return false
	}
	for i := range len(form) {
		c := text[i]
		switch form[i] {
		case '9', 'y':
			if c < '0' || c > '9' {
				return false
			}
		case 'A':
			if c < 'A' || c > 'Z' {
				return false
			}
		default:
			if c != form[i] {
				return false
			}
		}
	}
	return true
}

// checkReason checks that the reason's words say something.
func checkReason(reason string, stop []string) (Fault, bool) {
	fault := func(code, format string, args ...any) (Fault, bool) {
		return Fault{Field: "reason", Code: code, Detail: fmt.Sprintf(format, args...)}, true
	}
	if reason == "" {
		return fault(FaultMissing, "is missing: say in words why you look this up; it is logged with your name")
	}
	if len([]rune(reason)) < MinReason {
		return fault(FaultTooShort, "needs at least %d characters: say in words why you look this up; it is logged with your name", MinReason)
	}
	if HasPlate(reason) {
		return fault(FaultPlate, "holds a plate: leave it out, because each look-up is logged with the plate that it asks for, and say what happened")
	}
	words := strings.FieldsFunc(strings.ToLower(reason), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	words = slices.DeleteFunc(words, func(w string) bool { return !strings.ContainsFunc(w, unicode.IsLetter) })
	if len(words) < minReasonWords {
		return fault(FaultWords, "needs at least %d words: say what happened and what you look for", minReasonWords)
	}
	letters := map[rune]bool{}
	told := false
	for _, w := range words {
		for _, r := range w {
			letters[r] = letters[r] || unicode.IsLetter(r)
		}
		bare := strings.Map(onlyLetters, w) // test2 says no more than test
		told = told || !slices.Contains(stop, bare) && distinctRunes(bare) > 1
	}
	if n := countTrue(letters); n < minReasonLetters {
		return fault(FaultLetters, "needs at least %d different letters: say what happened and what you look for", minReasonLetters)
	}
	if !told {
		return fault(FaultStopWords, "has only words that say nothing of this case: say what happened and what you look for")
	}
	return Fault{}, false
}

func onlyLetters(r rune) rune {
	if unicode.IsLetter(r) {
		return r
	}
	return -1
}

func distinctRunes(word string) int {
	seen := map[rune]bool{}
	for _, r := range word {
		seen[r] = true
	}
	return len(seen)
}

func countTrue(set map[rune]bool) (n int) {
	for _, is := range set {
		if is {
			n++
		}
	}
	return n
}
