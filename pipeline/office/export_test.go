package office

import "net/http"

// Document returns the OpenAPI document of the API without an office behind it.
func Document() ([]byte, error) { return document((&Office{}).api(http.NewServeMux())) }
