package office

import (
	"fmt"

	"github.com/gvc-brussels/anpr/pipeline/cases"
	"github.com/gvc-brussels/anpr/schemas"
)

// placeOf says where the vehicle was, by the camera registry of now.
func (o *Office) placeOf(c *cases.Case) ItemPlace {
	out := ItemPlace{Municipality: c.Municipality, InWords: municipalityOf(c.Municipality), Zone: c.Zone, Camera: c.Camera, Site: c.Site}
	if c.Lane != nil {
		out.Lane = *c.Lane
	}
	if o.cfg.Camera == nil {
		return out
	}
	if cam := o.cfg.Camera(c.Camera); cam != nil {
		out.Street, out.LatE6, out.LonE6 = shownStreet(cam), cam.LatE6, cam.LonE6
	}
	return out
}

// deviceOf returns the certificate at the capture of what measured, the camera or its section, by the registry of now.
func (o *Office) deviceOf(c *cases.Case) *ItemDevice {
	if o.cfg.Camera == nil {
		return nil
	}
	cam := o.cfg.Camera(c.Camera)
	if cam == nil {
		return nil
	}
	cert := cam.CertificateOf(c.Measures, c.CapturedAt)
	if cert == nil {
		return nil
	}
	return &ItemDevice{cert.Serial, cert.Approval, cert.ValidTo.Time()}
}

// lacksCertificate reports whether a case with a measurement has a camera of the registry without a certificate at the capture. The rules make no
// offence of such a measurement; a certificate that was taken back since leaves cases behind.
func (o *Office) lacksCertificate(c *cases.Case) bool {
	return o.cfg.Camera != nil && (speedsOf(c.Measures) != nil || lightOf(c.Measures) != nil) && o.deviceOf(c) == nil
}

// vehicleOf returns the register row under a plate at an instant.
func (o *Office) vehicleOf(r *cases.PlateReading, at schemas.Micros) *ItemVehicle {
	if o.cfg.Cases.Reference == nil {
		return nil
	}
	plate, ok := schemas.PlateFrom(r.Plate)
	country, _ := schemas.CountryFrom(r.Country)
	if !ok {
		return nil
	}
	ref := o.cfg.Cases.Reference()
	v, ok := ref.Vehicle(plate, country, at)
	if !ok {
		return nil
	}
	out := &ItemVehicle{Register: v.Country.String(), Category: v.Category.String(), Fuel: v.Fuel.String(), Euro: v.Euro.String()}
	if asOf, ok := ref.RegisterAsOf(v.Country); ok {
		out.AsOf = timeOf(asOf)
	}
	if v.FirstRegistration != 0 {
		out.FirstRegistration = fmt.Sprint(v.FirstRegistration)
	}
	return out
}
