package office

import (
	"net/http"

	"github.com/gvc-brussels/anpr/pipeline/office/access"
)

// Document returns the OpenAPI document of the API without an office behind it.
func Document() ([]byte, error) { return document((&Office{}).api(http.NewServeMux())) }

// Head returns the newest entry of the access log, to be noted somewhere else; the zero Head while the office is shut.
func (o *Office) Head() access.Head {
	if l, _ := o.currentLog(); l != nil {
		return l.Head()
	}
	return access.Head{}
}
