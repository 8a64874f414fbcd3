package recovery

import "testing"

func TestOffsetsAreNamedInOrder(t *testing.T) {
	if got, want := OffsetsText(map[int32]int64{10: 3, 0: 748, 2: 0}, "from"), "partition 0 from 748, partition 2 from 0, partition 10 from 3"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
