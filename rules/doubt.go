package rules

import "github.com/gvc-brussels/anpr/schemas"

// doubtsCountry reports whether the camera itself was not sure of the country. A camera that gives no confidence is not doubted.
func (g *general) doubtsCountry(on *schemas.Sighting) bool {
	least := g.country.at(on.CapturedAt)
	return least != nil && on.CountryConfidence != 0 && on.CountryConfidence < least.v
}
