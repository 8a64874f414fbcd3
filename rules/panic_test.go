package rules

import (
	"testing"
	"testing/fstest"
)

func TestAFileThatMakesTheYAMLLibraryPanicIsAFinding(t *testing.T) {
	for _, text := range []string{"hotlist:\n  ! x", "speed:\n - ! x\n", "general: !\n", "lez:\n  admission:\n  ! x"} {
		fsys := fstest.MapFS{"general.yaml": {Data: []byte(text)}}
		if _, err := Load(fsys); err == nil {
			t.Errorf("%q loads", text)
		}
	}
}
