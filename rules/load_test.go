package rules

import "testing"

func TestX(t *testing.T) {
	c, err := Load(Brussels())
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range Check(Brussels()) {
		t.Log(f)
	}
	t.Log(c.Version(), len(c.Values()), len(c.Unverified()), len(c.Announced()))
}
