package bench

import "github.com/gvc-brussels/anpr/schemas"

// streetNames lists names that streets have in many Belgian towns. They are for plausibility only: a site's position
// is not in the street of its name.
var streetNames = [...]schemas.Street{
	{NL: "Kerkstraat", FR: "Rue de l'Église"},
	{NL: "Stationsstraat", FR: "Rue de la Station"},
	{NL: "Schoolstraat", FR: "Rue de l'École"},
	{NL: "Molenstraat", FR: "Rue du Moulin"},
	{NL: "Kasteellaan", FR: "Avenue du Château"},
	{NL: "Lindelaan", FR: "Avenue des Tilleuls"},
	{NL: "Beukenlaan", FR: "Avenue des Hêtres"},
	{NL: "Kastanjelaan", FR: "Avenue des Marronniers"},
	{NL: "Brugstraat", FR: "Rue du Pont"},
	{NL: "Marktplein", FR: "Place du Marché"},
	{NL: "Gemeenteplein", FR: "Place Communale"},
	{NL: "Nieuwstraat", FR: "Rue Neuve"},
	{NL: "Hoogstraat", FR: "Rue Haute"},
	{NL: "Bergstraat", FR: "Rue de la Montagne"},
	{NL: "Fonteinstraat", FR: "Rue de la Fontaine"},
	{NL: "Kapelstraat", FR: "Rue de la Chapelle"},
	{NL: "Kloosterstraat", FR: "Rue du Couvent"},
	{NL: "Boslaan", FR: "Avenue du Bois"},
	{NL: "Parklaan", FR: "Avenue du Parc"},
	{NL: "Vijverstraat", FR: "Rue de l'Étang"},
	{NL: "Fabriekstraat", FR: "Rue de la Fabrique"},
	{NL: "Havenlaan", FR: "Avenue du Port"},
	{NL: "Kanaalstraat", FR: "Rue du Canal"},
	{NL: "Vaartdijk", FR: "Digue du Canal"},
	{NL: "Groenstraat", FR: "Rue Verte"},
	{NL: "Rozenlaan", FR: "Avenue des Roses"},
	{NL: "Zonnelaan", FR: "Avenue du Soleil"},
	{NL: "Vrijheidslaan", FR: "Avenue de la Liberté"},
	{NL: "Onafhankelijkheidslaan", FR: "Avenue de l'Indépendance"},
	{NL: "Broederlijkheidsstraat", FR: "Rue de la Fraternité"},
	{NL: "Ziekenhuislaan", FR: "Avenue de l'Hôpital"},
	{NL: "Universiteitslaan", FR: "Avenue de l'Université"},
	{NL: "Gasthuisstraat", FR: "Rue de l'Hospice"},
	{NL: "Slachthuislaan", FR: "Boulevard de l'Abattoir"},
	{NL: "Zuidlaan", FR: "Boulevard du Midi"},
	{NL: "Noordstraat", FR: "Rue du Nord"},
	{NL: "Steenweg op het Dorp", FR: "Chaussée du Village"},
	{NL: "Oude Steenweg", FR: "Ancienne Chaussée"},
}

// motorwayNames lists the names at motorway sites.
var motorwayNames = [...]schemas.Street{
	{NL: "Ring, binnenring", FR: "Ring, intérieur"}, {NL: "Ring, buitenring", FR: "Ring, extérieur"},
}

// drawStreet draws a site's street from seed and site alone, so the rest of the city does not change with the list.
func (c *City) drawStreet(s *site) schemas.Street {
	r := c.subjectRandom("street of " + s.name)
	if s.motorway {
		return motorwayNames[r.IntN(len(motorwayNames))]
	}
	return streetNames[r.IntN(len(streetNames))]
}
