package office

import "github.com/gvc-brussels/anpr/schemas"

// municipalities names the municipalities of the Brussels-Capital Region by their NIS code, in Dutch and French (Statbel,
// Refnis). Another region's codes have no name here: its pages show the number.
var municipalities = map[uint32]schemas.Street{
	21001: {NL: "Anderlecht", FR: "Anderlecht"}, 21002: {NL: "Oudergem", FR: "Auderghem"}, 21003: {NL: "Sint-Agatha-Berchem", FR: "Berchem-Sainte-Agathe"},
	21004: {NL: "Brussel", FR: "Bruxelles"}, 21005: {NL: "Etterbeek", FR: "Etterbeek"}, 21006: {NL: "Evere", FR: "Evere"}, 21007: {NL: "Vorst", FR: "Forest"},
	21008: {NL: "Ganshoren", FR: "Ganshoren"}, 21009: {NL: "Elsene", FR: "Ixelles"}, 21010: {NL: "Jette", FR: "Jette"}, 21011: {NL: "Koekelberg", FR: "Koekelberg"},
	21012: {NL: "Sint-Jans-Molenbeek", FR: "Molenbeek-Saint-Jean"}, 21013: {NL: "Sint-Gillis", FR: "Saint-Gilles"}, 21014: {NL: "Sint-Joost-ten-Node", FR: "Saint-Josse-ten-Noode"},
	21015: {NL: "Schaarbeek", FR: "Schaerbeek"}, 21016: {NL: "Ukkel", FR: "Uccle"}, 21017: {NL: "Watermaal-Bosvoorde", FR: "Watermael-Boitsfort"},
	21018: {NL: "Sint-Lambrechts-Woluwe", FR: "Woluwe-Saint-Lambert"}, 21019: {NL: "Sint-Pieters-Woluwe", FR: "Woluwe-Saint-Pierre"},
}

// municipalityOf names a municipality; nil for a code without a name.
func municipalityOf(nis uint32) *schemas.Street {
	name, ok := municipalities[nis]
	if !ok {
		return nil
	}
	return &name
}
