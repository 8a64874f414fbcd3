package cases

// RejectReason says why a case is no offence. The set is closed.
type RejectReason string

// All reasons to reject.
const (
	NotLegible          RejectReason = "not_legible"
	WrongPlate          RejectReason = "wrong_plate"
	VehicleDiffers      RejectReason = "vehicle_differs"
	TwoVehicles         RejectReason = "two_vehicles"
	PriorityVehicle     RejectReason = "priority_vehicle"
	Exemption           RejectReason = "exemption"
	PictureMissingOrBad RejectReason = "picture_missing_or_bad"
	LimitOrSignDoubtful RejectReason = "limit_or_sign_doubtful"
	DeviceDoubtful      RejectReason = "device_doubtful"
	RejectOther         RejectReason = "other" // needs a text
)

// RejectReasons lists all reasons to reject, in the order of their keys: 1 to 9, then 0.
func RejectReasons() []RejectReason {
	return []RejectReason{
		NotLegible, WrongPlate, VehicleDiffers, TwoVehicles, PriorityVehicle, Exemption, PictureMissingOrBad, LimitOrSignDoubtful, DeviceDoubtful, RejectOther,
	}
}

// Class returns the group of the reason. Two persons agree on a rejection when their reasons have one class.
func (r RejectReason) Class() string {
	switch r {
	case NotLegible, PictureMissingOrBad:
		return "picture"
	case WrongPlate, VehicleDiffers, TwoVehicles:
		return "identity"
	case PriorityVehicle, Exemption:
		return "exempt"
	case LimitOrSignDoubtful, DeviceDoubtful:
		return "measurement"
	case RejectOther:
		return "other"
	}
	return ""
}

// blamesRead reports whether the case ended because of its read, not because of the vehicle. Passages that the case
// had swallowed as duplicates are then decided again.
func (r RejectReason) blamesRead() bool {
	switch r {
	case NotLegible, PictureMissingOrBad, WrongPlate, VehicleDiffers, TwoVehicles:
		return true
	default:
		return false
	}
}

// WithdrawReason says why a case was taken back. The set is closed.
type WithdrawReason string

// All reasons to withdraw.
const (
	Registered     WithdrawReason = "registered"
	PassFound      WithdrawReason = "pass_found"
	ExemptionFound WithdrawReason = "exemption_found"
	NormKept       WithdrawReason = "norm_kept"
	WithinWindow   WithdrawReason = "within_window"
	CapReached     WithdrawReason = "cap_reached"
	NoEvidence     WithdrawReason = "no_evidence"
	ClockWrong     WithdrawReason = "clock_wrong"
	LimitWrong     WithdrawReason = "limit_wrong"
	DeviceWrong    WithdrawReason = "device_wrong"
	ValueWrong     WithdrawReason = "value_wrong"
	CameraWrong    WithdrawReason = "camera_wrong"
	NotProvable    WithdrawReason = "not_provable"
	DuplicateCase  WithdrawReason = "duplicate_case"
	RecipientAsked WithdrawReason = "recipient_asked"
	WithdrawOther  WithdrawReason = "other" // needs a text
)

// WithdrawReasons lists all reasons to withdraw.
func WithdrawReasons() []WithdrawReason {
	return []WithdrawReason{
		Registered, PassFound, ExemptionFound, NormKept, WithinWindow, CapReached, NoEvidence, ClockWrong, LimitWrong, DeviceWrong, ValueWrong, CameraWrong,
		NotProvable, DuplicateCase, RecipientAsked, WithdrawOther,
	}
}

// blamesRead: see [RejectReason.blamesRead].
func (r WithdrawReason) blamesRead() bool {
	switch r {
	case NoEvidence, ClockWrong, DeviceWrong, CameraWrong:
		return true
	default:
		return false
	}
}

// BlamesCamera reports whether the case was taken back for its camera, the camera's clock or its device: what the same
// camera saw is then no better.
func (r WithdrawReason) BlamesCamera() bool {
	return r == ClockWrong || r == DeviceWrong || r == CameraWrong
}

// Reasons of a hold by hand. The reasons of the pipeline are those of the rules.
const (
	AwaitsRegister = "awaits_register"
	AwaitsPartner  = "awaits_partner"
	CameraChecked  = "camera_checked"
	HoldOther      = "other"
)

// HeldByWire is the reason of a hold for an open tripwire of the case's camera and family. The wire ends it, and nobody
// settles it in the case.
const HeldByWire = "tripwire"

// HandHoldReasons lists the reasons of a hold by hand.
func HandHoldReasons() []string {
	return []string{AwaitsRegister, AwaitsPartner, CameraChecked, HoldOther}
}

// IncidentKind says what does not hold. The set is closed.
type IncidentKind string

// All kinds of incident.
const (
	SealBroken     IncidentKind = "seal_broken"     // the sealed bytes are not those under the seal, or a row differs from them
	SealDiffers    IncidentKind = "seal_differs"    // the offence came again with other sealed bytes
	SealMissing    IncidentKind = "seal_missing"    // taken in without its sealed bytes after the bound
	PictureDamaged IncidentKind = "picture_damaged" // the stored bytes are not those under the hash
	PictureMissing IncidentKind = "picture_missing"
	FileChanged    IncidentKind = "file_changed"   // the vehicle's file says something else than when the case was sent or taken back
	ChainBroken    IncidentKind = "chain_broken"   // the events of the case do not follow from each other
	NoOffenceNow   IncidentKind = "no_offence_now" // the case has a verdict, and under newer data the rules would take it back
)

// IncidentKinds lists all kinds of incident.
func IncidentKinds() []IncidentKind {
	return []IncidentKind{SealBroken, SealDiffers, SealMissing, PictureDamaged, PictureMissing, FileChanged, ChainBroken, NoOffenceNow}
}
