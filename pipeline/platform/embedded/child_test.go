package embedded

import (
	"strings"
	"testing"
)

// A program whose main forgot the engine child is told so, instead of being started a second time in the engine's
// place.
func TestAProgramThatCannotBeTheChildStartsNoEngine(t *testing.T) {
	canBeChild.Store(false)
	defer canBeChild.Store(true)
	_, err := StartClickHouse(t.Context(), ClickHouseConfig{DataDir: t.TempDir(), NativeAddr: "127.0.0.1:0", Users: []EngineUser{HarnessUser(localUser, "")}})
	if err == nil || !strings.Contains(err.Error(), "MaybeRunEngineChild") {
		t.Errorf("got %v, want the call that is missing", err)
	}
}
