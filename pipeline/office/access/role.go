package access

import "slices"

// Role is what a user may be. The set is closed.
type Role string

// The roles.
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

// Route names one operation of the API; it is the operation id of the OpenAPI document, the action in the access log and
// a metric label. The set is closed.
type Route string

// The routes.
const (
	RouteReads     Route = "reads"
	RouteLastSeen  Route = "last-seen"
	RouteJourney   Route = "journey"
	RouteCamera    Route = "camera-reads"
	RouteDashboard Route = "dashboard"
	RouteHits      Route = "hits"
	RouteOffences  Route = "offences"
	RouteOffence   Route = "offence"
	RouteDecisions Route = "decisions"
	RouteRejects   Route = "rejects"
	RouteReconcile Route = "reconcile"
	RouteAccessLog Route = "access-log"
	RouteVerify    Route = "access-log-verify"
	RouteReplay    Route = "replay"
	RouteRetro     Route = "retro-matches"
)

// Routes lists all routes.
func Routes() []Route {
	return []Route{
		RouteReads, RouteLastSeen, RouteJourney, RouteCamera, RouteDashboard, RouteHits, RouteOffences, RouteOffence, RouteDecisions, RouteRejects,
		RouteReconcile, RouteAccessLog, RouteVerify, RouteReplay, RouteRetro,
	}
}

// Purpose says what a look-up is for. The set is closed.
type Purpose string

// The purposes. Only the first three show plates of vehicles.
const (
	Judicial       Purpose = "judicial"       // judicial police, 12 months, after the first with a prosecutor's decision
	Administrative Purpose = "administrative" // administrative police, the first month
	Traffic        Purpose = "traffic"        // handling of traffic offences, road traffic act art. 62: not a plate search
	Oversight      Purpose = "oversight"      // reading the access log itself
	Operation      Purpose = "operation"      // running the service: never a plate
)

// Purposes lists all purposes.
func Purposes() []Purpose { return []Purpose{Judicial, Administrative, Traffic, Oversight, Operation} }

// matrix is the whole of who may do what, and for which purposes. What is not in it is refused. The first purpose is
// taken when the look-up states none and it needs no justification (operation, oversight).
var matrix = map[Route]map[Role][]Purpose{
	RouteReads:     {ZoneOfficer: {Judicial, Administrative}, Prosecutor: {Judicial}},
	RouteLastSeen:  {ZoneOfficer: {Judicial, Administrative}, Prosecutor: {Judicial}},
	RouteJourney:   {ZoneOfficer: {Judicial, Administrative}, Prosecutor: {Judicial}},
	RouteCamera:    {ZoneOfficer: {Judicial, Administrative}, Prosecutor: {Judicial}},
	RouteDashboard: {ZoneOfficer: {Operation}, GVCSupervisor: {Operation}, CameraOperator: {Operation}, Auditor: {Operation}},
	RouteHits:      {ZoneOfficer: {Judicial, Administrative}, Prosecutor: {Judicial}},
	RouteOffences:  {GVCAgent: {Traffic}, GVCSupervisor: {Traffic}, Prosecutor: {Judicial}, Jurist: {Operation}},
	RouteOffence:   {GVCAgent: {Traffic}, GVCSupervisor: {Traffic}, Prosecutor: {Judicial}, Jurist: {Operation}},
	RouteDecisions: {GVCAgent: {Traffic}, GVCSupervisor: {Traffic}, Prosecutor: {Judicial}},
	RouteRejects:   {CameraOperator: {Operation}, GVCSupervisor: {Operation, Traffic}},
	RouteReconcile: {CameraOperator: {Operation}, GVCSupervisor: {Operation}, Auditor: {Operation}},
	RouteAccessLog: {Auditor: {Oversight}},
	RouteVerify:    {Auditor: {Operation}},
	RouteReplay:    {Jurist: {Operation}, GVCSupervisor: {Operation}},
	RouteRetro:     {ZoneOfficer: {Judicial}, Prosecutor: {Judicial}},
}

// Allowed reports whether the role may use the route at all.
func Allowed(role Role, route Route) bool { return len(matrix[route][role]) > 0 }

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

// defaultPurpose is the purpose of a look-up that states none; "" when it has to.
func defaultPurpose(role Role, route Route) Purpose {
	if ps := matrix[route][role]; len(ps) > 0 && (ps[0] == Operation || ps[0] == Oversight) {
		return ps[0]
	}
	return ""
}

// Demands reports what a look-up by route must state, whoever makes it: a purpose, a reason.
func Demands(route Route) (purpose, reason bool) {
	purpose, reason = true, true
	for role, purposes := range matrix[route] {
		purpose = purpose && defaultPurpose(role, route) == ""
		reason = reason && !slices.Contains(purposes, Operation)
	}
	return purpose, reason
}
