package evidence

import (
	"maps"

	"github.com/gvc-brussels/anpr/schemas"
)

// Chain keeps the last seal for each camera in one partition. The zero value is ready: every camera starts anew. Chain
// is for one goroutine at a time.
type Chain struct {
	last map[string]schemas.Sum
}

// Load replaces the chain's content with the last seals from storage. It copies the map.
func (c *Chain) Load(seals map[string]schemas.Sum) { c.last = maps.Clone(seals) }

// Next seals an offence or a held decision as its camera's next (On.Camera), and returns true. Next leaves decisions
// with other outcomes unchanged and returns false.
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

// Follow verifies a sealed decision as the camera's next. Follow then keeps this seal as the last, so that a fault is
// reported once. The error comes from [Verify].
func (c *Chain) Follow(d *schemas.Decision) error {
	err := Verify(d, c.Last(d.On.Camera))
	if c.last == nil {
		c.last = make(map[string]schemas.Sum)
	}
	c.last[d.On.Camera] = d.Seal
	return err
}
