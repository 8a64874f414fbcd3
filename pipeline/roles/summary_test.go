package roles

import (
	"strings"
	"testing"
	"time"
)

func TestTheSummaryOfAHeldCaseNamesTheDayOnlyWhereThereIsOne(t *testing.T) {
	day := time.Date(2026, 11, 29, 23, 0, 0, 0, time.UTC) // midnight in Brussels
	got := strings.Join(renderSummary("fr", "lez", true, "pass_possible", day), "\n")
	if !strings.Contains(got, "N'agissez pas avant le 30/11/2026 à 00h00.") || !strings.Contains(got, "À réexaminer à partir du 30/11/2026") {
		t.Errorf("got %s", got)
	}
	got = strings.Join(renderSummary("nl", "speed", true, "clock_suspect", time.UnixMicro(0)), "\n")
	if strings.Contains(got, "1970") || !strings.Contains(got, "Dit moet een persoon doen.") {
		t.Errorf("without a day: got %s", got)
	}
}
