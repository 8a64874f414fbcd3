package evidence

import (
	"maps"

	"github.com/gvc-brussels/anpr/schemas"
)

// Chain keeps the last seal of each camera of one partition. The zero value is ready: every camera starts anew. It is used
// by one goroutine at a time.
type Chain struct {
	last map[string]schemas.Sum
}

// Load replaces what the chain knows by the last seals read back from storage, which it copies.
func (c *Chain) Load(seals map[string]schemas.Sum) { c.last = maps.Clone(seals) }

// Next seals a decision that is kept as a candidate, that is of outcome offence or held, as the next of its camera (On.Camera), and
// reports whether it did. Other outcomes are left as they are.
func (c *Chain) Next(d *schemas.Decision) bool {
	if d.Outcome != schemas.OutcomeOffence && d.Outcome != schemas.OutcomeHeld {
		return false
	}
	camera := d.On.Camera
	Seal(d, c.last[camera])
	if c.last == nil {
		c.last = make(map[string]schemas.Sum)
	}
	c.last[camera] = d.Seal
	return true
}

// Last returns the camera's last seal, zero when it has none.
func (c *Chain) Last(camera string) schemas.Sum { return c.last[camera] }

// Follow verifies a sealed decision as the next of its camera and takes its seal as the last, so that one fault is told once. The error is
// that of [Verify].
func (c *Chain) Follow(d *schemas.Decision) error {
	err := Verify(d, c.Last(d.On.Camera))
	if c.last == nil {
		c.last = make(map[string]schemas.Sum)
	}
	c.last[d.On.Camera] = d.Seal
	return err
}
