package platform

import (
	"context"
	"errors"
	"slices"
	"testing"
)

func TestPartsStopInReverseAndOnlyOnce(t *testing.T) {
	var p Parts
	var order []string
	broken := errors.New("broken")
	for _, name := range []string{"a", "b", "c", "d"} {
		p.Push(name, func(ctx context.Context) error {
			order = append(order, name)
			if _, bounded := ctx.Deadline(); !bounded || ctx.Err() != nil {
				t.Errorf("%s is stopped without a deadline, or after its context has ended", name)
			}
			if name == "b" {
				return broken
			}
			return nil
		})
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := p.StopThrough(ended, "c"); err != nil || !slices.Equal(order, []string{"d", "c"}) {
		t.Fatalf("through c: %v, %v", order, err)
	}
	if err := p.Stop(ended); !errors.Is(err, broken) || err.Error() != "stop b: broken" || !slices.Equal(order, []string{"d", "c", "b", "a"}) {
		t.Errorf("the rest: %v, %v", order, err)
	}
	if err := p.Stop(ended); err != nil || len(order) != 4 {
		t.Errorf("again: %v, %v", order, err)
	}
}
