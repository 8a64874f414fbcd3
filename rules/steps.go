package rules

// code is one clause of a trace: its key in the message catalogue and how many arguments it has.
type code struct {
	key  string
	args int
}

// codes lists every clause a trace may hold.
var codes []code

func newCode(key string, args int) code {
	c := code{key, args}
	codes = append(codes, c)
	return c
}

// The clauses. The arguments are described by the placeholders of the messages.
var (
	stepClock             = newCode("clock", 2)
	stepConfidence        = newCode("confidence", 2)
	stepUnanimous         = newCode("unanimous", 1)
	stepBoundary          = newCode("boundary", 0)
	stepNotSeen           = newCode("not_seen", 1)
	stepCountryConfidence = newCode("country_confidence", 2)
	stepCountryForm       = newCode("country_form", 2)
	stepSeen              = newCode("seen", 2)

	stepCertain      = newCode("certain", 0)
	stepOtherReading = newCode("other_reading", 0)
	stepNoExemption  = newCode("no_exemption", 0)
	stepExemption    = newCode("exemption", 2)
	stepExemptionMax = newCode("exemption_max", 1)

	stepLEZCamera       = newCode("lez.camera", 1)
	stepLEZMoving       = newCode("lez.moving", 0)
	stepLEZInForce      = newCode("lez.in_force", 1)
	stepLEZCountry      = newCode("lez.country", 1)
	stepLEZVehicle      = newCode("lez.vehicle", 2)
	stepLEZData         = newCode("lez.data", 4)
	stepLEZConcerned    = newCode("lez.concerned", 1)
	stepLEZScope        = newCode("lez.scope", 2)
	stepLEZAssumed      = newCode("lez.assumed", 2)
	stepLEZNorm         = newCode("lez.norm", 4)
	stepLEZSuspended    = newCode("lez.not_suspended", 2)
	stepLEZWarnings     = newCode("lez.warnings", 1)
	stepLEZFines        = newCode("lez.fines", 1)
	stepLEZMustRegister = newCode("lez.must_register", 1)
	stepLEZRegistered   = newCode("lez.registered", 1)
	stepLEZLane         = newCode("lez.lane", 2)
	stepLEZOldtimer     = newCode("lez.oldtimer", 2)
	stepLEZOldtimerUse  = newCode("lez.oldtimer_use", 0)
	stepLEZDayPass      = newCode("lez.day_pass", 1)
	stepLEZPassClosed   = newCode("lez.pass_closed", 2)
	stepLEZPassUntil    = newCode("lez.pass_until", 2)
	stepLEZPassIssued   = newCode("lez.pass_issued", 2)
	stepLEZPassYear     = newCode("lez.pass_year", 2)
	stepLEZClass        = newCode("lez.class", 1)
	stepLEZUndisputed   = newCode("lez.undisputed", 1)
	stepLEZDeclared     = newCode("lez.declared", 3)
	stepLEZDutyFines    = newCode("lez.duty_fines", 1)
	stepLEZBody         = newCode("lez.body", 2)
	stepLEZFresh        = newCode("lez.fresh", 3)
	stepLEZAmount       = newCode("lez.amount", 1)
	stepLEZRepeat       = newCode("lez.repeat", 3)

	stepSpeedCamera      = newCode("speed.camera", 1)
	stepSpeedMeasured    = newCode("speed.measured", 2)
	stepSpeedInForce     = newCode("speed.in_force", 1)
	stepSpeedLimit       = newCode("speed.limit", 2)
	stepSpeedNoLimit     = newCode("speed.no_limit", 2)
	stepSpeedCorrection  = newCode("speed.correction", 3)
	stepSpeedRounding    = newCode("speed.rounding", 1)
	stepSpeedOver        = newCode("speed.over", 2)
	stepSpeedCertificate = newCode("speed.certificate", 4)
	stepSpeedNoCert      = newCode("speed.no_certificate", 1)
	stepSpeedTariff      = newCode("speed.tariff", 2)
	stepSpeedNoTariff    = newCode("speed.no_tariff", 1)
	stepSpeedTotal       = newCode("speed.total", 2)
	stepSpeedExcess      = newCode("speed.excess", 2)
	stepSpeedOne         = newCode("speed.one_offence", 2)
	stepSpeedLate        = newCode("speed.late", 0)

	stepSpeedClass        = newCode("speed.class", 2)
	stepSpeedClassUnsure  = newCode("speed.class_unsure", 3)
	stepSpeedClassUnknown = newCode("speed.class_unknown", 2)
	stepSpeedSign         = newCode("speed.sign", 0)
	stepSpeedPlausible    = newCode("speed.plausible", 2)
)

// Reasons of a decision. Per family they are a closed set, with reasonExempt + kind for each kind of the catalogue.
const (
	reasonExempt        = "exempt_"
	reasonNotApplicable = "not_applicable"

	reasonAdmitted     = "admitted"
	reasonNotConcerned = "not_concerned"
	reasonRegistered   = "registered"
	reasonPolluting    = "polluting"
	reasonForeign      = "foreign_unregistered"

	reasonCountryUnknown    = "country_unknown"
	reasonVehicleUnknown    = "vehicle_unknown"
	reasonVehicleIncomplete = "vehicle_incomplete"
	reasonEuroUnknown       = "euro_unknown"
	reasonEuroAssumed       = "euro_assumed"
	reasonRegisterStale     = "register_stale"
	reasonLaneUnknown       = "lane_unknown"
	reasonLaneExcluded      = "lane_excluded"
	reasonExemptionUnclear  = "exemption_unconfirmed"
	reasonOldtimerAge       = "oldtimer_age_unknown"
	reasonForeignPolluting  = "foreign_polluting"
	reasonPlateAmbiguous    = "plate_ambiguous"
	reasonDuplicatePossible = "duplicate_possible"
	reasonCountryDoubtful   = "country_doubtful"
	reasonKindContradicts   = "kind_contradicts"
	reasonPassPossible      = "pass_possible"
	reasonDayPass           = "day_pass"
	reasonClock             = "clock_suspect"
	reasonTolerated         = "norm_tolerated"
	reasonSuspended         = "fines_suspended"
	reasonNoAmount          = "no_amount"
	reasonClassUnknown      = "vehicle_class_unknown"
	reasonNormDisputed      = "norm_disputed"
	reasonDutyTolerated     = "duty_tolerated"

	reasonLimitKept         = "limit_kept"
	reasonCollection        = "immediate_collection"
	reasonProsecutor        = "prosecutor"
	reasonNoLimit           = "no_limit"
	reasonNoCertificate     = "no_certificate"
	reasonNoTariff          = "no_tariff"
	reasonSpeedClassUnknown = "speed_class_unknown"
	reasonSpeedClassUnsure  = "speed_class_unsure"
	reasonSignUnknown       = "sign_unknown"
	reasonImplausible       = "speed_implausible"
)

// reasons lists the reasons of each family that do not name a kind of exemption.
var reasons = [...][]string{
	{ // lez
		reasonNotApplicable, reasonAdmitted, reasonNotConcerned, reasonRegistered, reasonPolluting, reasonForeign,
		reasonCountryUnknown, reasonVehicleUnknown, reasonVehicleIncomplete, reasonEuroUnknown, reasonEuroAssumed,
		reasonRegisterStale, reasonLaneUnknown, reasonLaneExcluded, reasonExemptionUnclear, reasonOldtimerAge,
		reasonForeignPolluting, reasonPlateAmbiguous, reasonDuplicatePossible, reasonCountryDoubtful, reasonKindContradicts,
		reasonPassPossible, reasonDayPass, reasonClock, reasonTolerated,
		reasonSuspended, reasonNoAmount, reasonClassUnknown, reasonNormDisputed, reasonDutyTolerated,
	},
	{ // speed
		reasonNotApplicable, reasonLimitKept, reasonCollection, reasonProsecutor, reasonNoLimit, reasonNoCertificate,
		reasonNoTariff, reasonClock, reasonExemptionUnclear, reasonPlateAmbiguous, reasonDuplicatePossible,
		reasonCountryDoubtful, reasonKindContradicts, reasonSpeedClassUnknown, reasonSpeedClassUnsure, reasonSignUnknown, reasonImplausible,
	},
}
