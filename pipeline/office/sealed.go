package office

import "net/http"

// alteredProblem answers in place of an offence that differs from the sealed decision.
func alteredProblem(columns []string) error {
	faults := make([]Fault, len(columns))
	for i, c := range columns {
		faults[i] = Fault{Field: c, Code: codeSealBroken, Message: "is not what was sealed"}
	}
	return newProblem(http.StatusConflict, codeSealBroken, "this offence was changed after it was decided and sealed: do not use it; the operator has been alarmed", faults...)
}
