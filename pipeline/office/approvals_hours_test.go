package office

import (
	"testing"

	casestore "github.com/gvc-brussels/anpr/pipeline/cases/store"
	"github.com/gvc-brussels/anpr/pipeline/office/store"
)

// The cases say how long an approval waits, and the office keeps the approvals: both know the same time.
func TestAnApprovalWaitsAsLongForTheCasesAsForTheOffice(t *testing.T) {
	if casestore.ApprovalHours != store.ApprovalHours {
		t.Errorf("the cases wait %d hours, the office %d", casestore.ApprovalHours, store.ApprovalHours)
	}
}
