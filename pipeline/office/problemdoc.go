package office

import (
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/gvc-brussels/anpr/pipeline/cases"
	"github.com/gvc-brussels/anpr/pipeline/office/access"
)

// ownCodes lists the codes of problems by status, but for those of refused acts on cases.
func ownCodes() map[int][]string {
	return map[int][]string{
		http.StatusBadRequest: {codeMalformed}, http.StatusUnauthorized: {codeNotSignedIn}, http.StatusNotFound: {access.CodeNotFound},
		http.StatusForbidden: {
			access.CodeRole, access.CodePurposeNeeded, access.CodePurposeEnded, access.CodePurposeNotAllowed, access.CodeAge, access.CodePlates, access.CodeApprovalNeeded,
			access.CodeStepUp, codeSamePerson, codeRefusedByLaw,
		},
		http.StatusConflict:           {codeDecided, codeSealBroken, codeUnderWay, codePictureDamaged, codePictureMissing, codeNoThumbnail},
		http.StatusGone:               {codePictureDeleted},
		http.StatusPreconditionFailed: {codeStale}, http.StatusPreconditionRequired: {codePrecondition},
		http.StatusUnprocessableEntity: {access.CodeInvalid, codePatternWide, codeWindow, codeKeyReused},
		http.StatusTooManyRequests:     {codeTooMany, access.CodeQuota}, http.StatusInternalServerError: {codeInternal}, http.StatusNotImplemented: {codeNoCatalogue},
		http.StatusServiceUnavailable: {codeLogDown, codeStoreDown, codeTablesDown, codeImagesDown}, http.StatusGatewayTimeout: {codeTooSlow},
	}
}

// codesOf lists the codes that an answer of a status may have.
func codesOf(status int) []string {
	out := ownCodes()[status]
	for _, code := range cases.Codes() {
		if statusOfAct(code) == status {
			out = append(out, string(code))
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// shareProblems names each kind of problem once among the components of the document, in the place of one description for
// each route and status.
func shareProblems(doc *huma.OpenAPI) {
	shared := map[string]*huma.Response{}
	for _, item := range doc.Paths {
		for _, op := range []*huma.Operation{item.Get, item.Put, item.Post, item.Delete} {
			if op == nil {
				continue
			}
			for _, status := range slices.Collect(maps.Keys(op.Responses)) {
				n, err := strconv.Atoi(status)
				if err != nil || n < http.StatusBadRequest {
					continue
				}
				name := "Problem" + status
				if shared[name] == nil {
					one := *op.Responses[status]
					one.Description = http.StatusText(n) + ". Codes: " + strings.Join(codesOf(n), ", ") + "."
					shared[name] = &one
				}
				op.Responses[status] = &huma.Response{Ref: "#/components/responses/" + name}
			}
		}
	}
	doc.Components.Responses = shared
}
