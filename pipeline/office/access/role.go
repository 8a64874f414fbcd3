package access

import (
	"slices"
	"time"
)

// Role is a user's role. The set is closed.
type Role string

// All roles.
const (
	GVCAgent       Role = "gvc_agent"
	GVCSupervisor  Role = "gvc_supervisor"
	ZoneOfficer    Role = "zone_officer"
	Prosecutor     Role = "prosecutor"
	CameraOperator Role = "camera_operator"
	Auditor        Role = "auditor"
	Jurist         Role = "jurist"
)

// Roles lists all roles.
func Roles() []Role {
	return []Role{GVCAgent, GVCSupervisor, ZoneOfficer, Prosecutor, CameraOperator, Auditor, Jurist}
}

// Route names one API operation. It is the operation id in the OpenAPI document, the action in the access log and a
// metric label. The set is closed.
type Route string

// All routes.
const (
	RouteSearch      Route = "search"
	RouteSearchPage  Route = "search-page"
	RouteJourney     Route = "journey"
	RouteDashboard   Route = "dashboard"
	RouteHits        Route = "hits"
	RouteDecisions   Route = "decisions"
	RouteRejects     Route = "rejects"
	RouteReconcile   Route = "reconcile"
	RouteAccessLog   Route = "access-log"
	RouteDisclosures Route = "disclosures"
	RouteVerify      Route = "access-log-verify"
	RouteReplay      Route = "replay"
	RouteRetro       Route = "retro-matches"

	// Work that waits for people.
	RouteLease      Route = "work-lease"
	RouteHeartbeat  Route = "work-heartbeat"
	RouteGiveBack   Route = "work-give-back"
	RouteWorkCounts Route = "work-counts"
	RouteWork       Route = "work"
	RouteAssign     Route = "work-assign"
	RouteHoldCamera Route = "work-hold-camera"
	RouteColleagues Route = "work-colleagues"

	// What a supervisor must know of the team, and what a person must know of the own work.
	RouteTeam      Route = "team"
	RouteMyFigures Route = "my-figures"

	// Acts of two persons on many cases.
	RouteBulk        Route = "cases-bulk"
	RouteBulkActs    Route = "bulk-acts"
	RouteBulkAct     Route = "bulk-act"
	RouteBulkCases   Route = "bulk-cases"
	RouteBulkLetters Route = "bulk-letters"
	RouteAffected    Route = "affected-cases"

	// Cases and the acts on them.
	RouteCases         Route = "cases"
	RouteCase          Route = "case"
	RouteVerdict       Route = "case-verdict"
	RouteUndo          Route = "case-undo"
	RouteHoldCase      Route = "case-hold"
	RouteFlag          Route = "case-flag"
	RouteKeying        Route = "case-keying"
	RoutePlatePreview  Route = "case-plate-preview"
	RouteNote          Route = "case-note"
	RouteCounterDecide Route = "case-counter-decision"
	RouteWithdraw      Route = "case-withdrawal"
	RouteTrack         Route = "case-track"
	RouteRelease       Route = "case-release"
	RouteCloseIncident Route = "case-incident-closing"
	RouteArbitrate     Route = "case-arbitration"
	RoutePicture       Route = "case-picture"
	RouteThumbnail     Route = "case-thumbnail"
	RoutePrint         Route = "case-print"
	RouteBundle        Route = "case-bundle"
	RouteBundles       Route = "case-bundles"
	RouteBundleFile    Route = "bundle-file"
	RouteReturn        Route = "case-return"
	RouteMend          Route = "case-mending"
	RouteAnnul         Route = "case-annulment"

	// Hand-over to recipients.
	RouteTransmit         Route = "transmit"
	RouteTransmissions    Route = "transmissions"
	RouteTransmission     Route = "transmission"
	RouteTransmissionFile Route = "transmission-file"
	RouteAnswers          Route = "transmission-answers"

	// Tripwires.
	RouteWires       Route = "tripwires"
	RouteOpenWire    Route = "tripwire-opening"
	RouteReleaseWire Route = "tripwire-release"

	// The list of approvals shows plates, reasons and file numbers from other users' questions, so that it is a look-up.
	RouteListApprovals Route = "approvals"

	// Every user who signed in may use these routes. They show no reads and need no purpose.
	RouteMe            Route = "me"
	RouteSettings      Route = "settings"
	RouteFilters       Route = "saved-filters"
	RouteSignIns       Route = "own-sign-ins"
	RouteEndSignIn     Route = "end-sign-in"
	RouteOpenPurpose   Route = "open-purpose"
	RouteEndPurpose    Route = "end-purpose"
	RouteAskApproval   Route = "ask-approval"
	RouteDecide        Route = "decide-approval"
	RouteListDecisions Route = "prosecutor-decisions"
	RouteConfirm       Route = "confirm-prosecutor-decision"
	RouteEvidenceKeys  Route = "evidence-keys"
)

// Routes lists the look-up routes, all in the matrix.
func Routes() []Route {
	return []Route{
		RouteSearch, RouteSearchPage, RouteJourney, RouteDashboard, RouteHits, RouteDecisions, RouteRejects, RouteReconcile, RouteAccessLog,
		RouteDisclosures, RouteVerify, RouteReplay, RouteRetro, RouteListApprovals,
		RouteLease, RouteHeartbeat, RouteGiveBack, RouteWorkCounts, RouteWork, RouteAssign, RouteHoldCamera, RouteColleagues,
		RouteCases, RouteCase, RouteVerdict, RouteUndo, RouteHoldCase, RouteFlag, RouteKeying, RoutePlatePreview, RouteNote, RouteCounterDecide,
		RouteWithdraw, RouteTrack, RouteRelease, RouteCloseIncident, RouteArbitrate, RoutePicture, RouteThumbnail,
		RoutePrint, RouteBundle, RouteBundles, RouteBundleFile,
		RouteReturn, RouteMend, RouteAnnul, RouteTransmit, RouteTransmissions, RouteTransmission, RouteTransmissionFile, RouteAnswers,
		RouteTeam, RouteMyFigures, RouteBulk, RouteBulkActs, RouteBulkAct, RouteBulkCases, RouteBulkLetters, RouteAffected,
		RouteWires, RouteOpenWire, RouteReleaseWire,
	}
}

// caseActs lists the routes by which people work on cases.
func caseActs() []Route {
	return []Route{
		RouteLease, RouteHeartbeat, RouteGiveBack, RouteWorkCounts, RouteWork, RouteAssign, RouteHoldCamera, RouteColleagues,
		RouteVerdict, RouteUndo, RouteHoldCase, RouteFlag, RouteKeying, RouteNote, RouteCounterDecide, RouteWithdraw, RouteTrack, RouteRelease, RouteCloseIncident, RouteArbitrate,
		RouteTeam, RouteMyFigures, RouteBulk, RouteBulkActs, RouteBulkAct, RouteBulkCases, RouteBulkLetters,
		RouteWires, RouteOpenWire, RouteReleaseWire,
	}
}

// OwnRoutes lists the routes open to every user. They show and change the user's own data, or approvals that wait for
// the user as second person.
func OwnRoutes() []Route {
	return []Route{
		RouteMe, RouteSettings, RouteFilters, RouteSignIns, RouteEndSignIn, RouteOpenPurpose, RouteEndPurpose, RouteAskApproval, RouteDecide, RouteListDecisions, RouteConfirm, RouteEvidenceKeys,
	}
}

// StepUpTime is how long a proof of identity counts as fresh.
const StepUpTime = 10 * time.Minute

// NeedsFreshSignIn reports whether a browser user must have proved the identity again. Such a route decides about
// somebody else, or hands a whole case out, and nobody may do so in a browser left open.
func NeedsFreshSignIn(route Route) bool {
	return slices.Contains([]Route{RouteDecide, RouteConfirm, RouteCounterDecide, RouteWithdraw, RouteBundle, RouteBundleFile, RouteAnnul, RouteTransmit, RouteTransmissionFile, RouteBulk, RouteReleaseWire}, route)
}

// PastRoutes lists the routes of earlier versions; old entries in the access log name them.
func PastRoutes() []Route {
	return []Route{"reads", "last-seen", "camera-reads", "offence", "offences"}
}

// Purpose is the purpose of a look-up. The set is closed.
type Purpose string

// All purposes. Only the first three show vehicles' plates.
const (
	Judicial       Purpose = "judicial"       // judicial police, 12 months, after the first with a prosecutor's decision
	Administrative Purpose = "administrative" // administrative police, the first month
	Traffic        Purpose = "traffic"        // handling of traffic offences, road traffic act art. 62: not a plate search
	Oversight      Purpose = "oversight"      // reading the access log
	Operation      Purpose = "operation"      // running the service: never a plate
)

// Purposes lists all purposes.
func Purposes() []Purpose { return []Purpose{Judicial, Administrative, Traffic, Oversight, Operation} }

// matrix says which role may use which route, and for which purposes; everything else is refused. Operation needs no
// open purpose; every other purpose must be opened before.
var matrix = map[Route]map[Role][]Purpose{
	RouteSearch:        {ZoneOfficer: {Judicial, Administrative}, Prosecutor: {Judicial}},
	RouteSearchPage:    {ZoneOfficer: {Judicial, Administrative}, Prosecutor: {Judicial}},
	RouteJourney:       {ZoneOfficer: {Judicial, Administrative}, Prosecutor: {Judicial}},
	RouteDashboard:     {ZoneOfficer: {Operation}, GVCSupervisor: {Operation}, CameraOperator: {Operation}, Auditor: {Operation}},
	RouteHits:          {ZoneOfficer: {Judicial, Administrative}, Prosecutor: {Judicial}},
	RouteDecisions:     {GVCAgent: {Traffic}, GVCSupervisor: {Traffic}},
	RouteRejects:       {CameraOperator: {Operation}, GVCSupervisor: {Operation, Traffic}},
	RouteReconcile:     {CameraOperator: {Operation}, GVCSupervisor: {Operation}, Auditor: {Operation}},
	RouteAccessLog:     {Auditor: {Oversight}},
	RouteDisclosures:   {Auditor: {Oversight}},
	RouteVerify:        {Auditor: {Operation}},
	RouteReplay:        {Jurist: {Operation}, GVCSupervisor: {Operation}},
	RouteRetro:         {ZoneOfficer: {Judicial}, Prosecutor: {Judicial}},
	RouteLease:         {GVCAgent: {Traffic}, GVCSupervisor: {Traffic}},
	RouteHeartbeat:     {GVCAgent: {Traffic}, GVCSupervisor: {Traffic}},
	RouteGiveBack:      {GVCAgent: {Traffic}, GVCSupervisor: {Traffic}},
	RouteWorkCounts:    {GVCAgent: {Traffic}, GVCSupervisor: {Traffic}},
	RouteWork:          {GVCAgent: {Traffic}, GVCSupervisor: {Traffic}},
	RouteAssign:        {GVCSupervisor: {Traffic}},
	RouteHoldCamera:    {GVCSupervisor: {Traffic}},
	RouteColleagues:    {GVCSupervisor: {Traffic}},
	RouteCases:         {GVCAgent: {Traffic}, GVCSupervisor: {Traffic}, Prosecutor: {Judicial}},
	RouteCase:          {GVCAgent: {Traffic}, GVCSupervisor: {Traffic}, Prosecutor: {Judicial}, Jurist: {Operation}},
	RouteVerdict:       {GVCAgent: {Traffic}, GVCSupervisor: {Traffic}},
	RouteUndo:          {GVCAgent: {Traffic}, GVCSupervisor: {Traffic}},
	RouteHoldCase:      {GVCAgent: {Traffic}, GVCSupervisor: {Traffic}},
	RouteFlag:          {GVCAgent: {Traffic}, GVCSupervisor: {Traffic}},
	RouteKeying:        {GVCAgent: {Traffic}, GVCSupervisor: {Traffic}},
	RoutePlatePreview:  {GVCAgent: {Traffic}, GVCSupervisor: {Traffic}},
	RouteNote:          {GVCAgent: {Traffic}, GVCSupervisor: {Traffic}},
	RouteCounterDecide: {GVCAgent: {Traffic}, GVCSupervisor: {Traffic}},
	RouteWithdraw:      {GVCSupervisor: {Traffic}},
	RouteTrack:         {GVCSupervisor: {Traffic}},
	RouteRelease:       {GVCSupervisor: {Traffic}},
	RouteCloseIncident: {GVCSupervisor: {Traffic}},
	RouteArbitrate:     {GVCSupervisor: {Traffic}},
	RoutePicture:       {GVCAgent: {Traffic}, GVCSupervisor: {Traffic}, Prosecutor: {Judicial}},
	RouteThumbnail:     {GVCAgent: {Traffic}, GVCSupervisor: {Traffic}, Prosecutor: {Judicial}},
	RoutePrint:         {GVCAgent: {Traffic}, GVCSupervisor: {Traffic}, Prosecutor: {Judicial}},
	RouteBundle:        {GVCAgent: {Traffic}, GVCSupervisor: {Traffic}, Prosecutor: {Judicial}},
	RouteBundles:       {GVCAgent: {Traffic}, GVCSupervisor: {Traffic}, Prosecutor: {Judicial}},
	RouteBundleFile:    {GVCAgent: {Traffic}, GVCSupervisor: {Traffic}, Prosecutor: {Judicial}},
	RouteReturn:        {Prosecutor: {Judicial}},
	RouteMend:          {GVCSupervisor: {Traffic}},
	RouteAnnul:         {GVCSupervisor: {Traffic}},

	RouteTransmit:         {GVCSupervisor: {Traffic}},
	RouteTransmissions:    {GVCSupervisor: {Traffic}},
	RouteTransmission:     {GVCSupervisor: {Traffic}},
	RouteTransmissionFile: {GVCSupervisor: {Traffic}},
	RouteAnswers:          {GVCSupervisor: {Traffic}},

	RouteWires:       {GVCSupervisor: {Traffic}},
	RouteOpenWire:    {GVCSupervisor: {Traffic}},
	RouteReleaseWire: {GVCSupervisor: {Traffic}},

	RouteTeam:        {GVCSupervisor: {Traffic}},
	RouteMyFigures:   {GVCAgent: {Traffic}, GVCSupervisor: {Traffic}},
	RouteBulk:        {GVCSupervisor: {Traffic}},
	RouteBulkActs:    {GVCSupervisor: {Traffic}},
	RouteBulkAct:     {GVCSupervisor: {Traffic}},
	RouteBulkCases:   {GVCSupervisor: {Traffic}},
	RouteBulkLetters: {GVCSupervisor: {Traffic}},
	RouteAffected:    {GVCSupervisor: {Traffic}, Jurist: {Operation}},
	RouteListApprovals: {
		ZoneOfficer: {Judicial, Administrative}, Prosecutor: {Judicial}, GVCAgent: {Traffic}, GVCSupervisor: {Traffic}, Auditor: {Oversight},
	},
}

// Allowed reports whether the role may use the route at all.
func Allowed(role Role, route Route) bool {
	return len(matrix[route][role]) > 0 || slices.Contains(OwnRoutes(), route)
}

// PurposesOf lists the purposes that a role may state, in the order of [Purposes].
func PurposesOf(role Role) (out []Purpose) {
	for _, p := range Purposes() {
		for _, route := range Routes() {
			if mayFor(role, route, p) {
				out = append(out, p)
				break
			}
		}
	}
	return out
}

// MayFor reports whether the role may use the route for the purpose.
func MayFor(role Role, route Route, p Purpose) bool { return mayFor(role, route, p) }

// OpensByItself reports whether the role may use the route for operation, and so without an open purpose. Operation
// never shows a plate.
func OpensByItself(role Role, route Route) bool { return mayFor(role, route, Operation) }

// routesOf names the routes that a role may use, in the order of [Routes].
func routesOf(role Role) (out []string) {
	for _, r := range Routes() {
		if Allowed(role, r) {
			out = append(out, string(r))
		}
	}
	return out
}

func mayFor(role Role, route Route, p Purpose) bool { return slices.Contains(matrix[route][role], p) }
