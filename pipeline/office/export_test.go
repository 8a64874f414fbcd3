package office

import (
	"net/http"

	"github.com/gvc-brussels/anpr/pipeline/office/access"
)

// Document returns the OpenAPI document without an office.
func Document() ([]byte, error) { return writeDocument((&Office{}).registerRoutes(http.NewServeMux())) }

// Head returns the newest entry in the look-up log, to be noted elsewhere; the zero Head while the office is shut.
func (o *Office) Head() access.Head {
	if l, _ := o.currentLog(); l != nil {
		return l.Head()
	}
	return access.Head{}
}
