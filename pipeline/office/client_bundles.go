package office

import (
	"context"
	"net/http"
	"net/url"
)

// MakeBundle makes the evidence bundle of a case.
func (c *Client) MakeBundle(ctx context.Context, j Justification, caseID, wantedFor string) (*BundleAnswer, error) {
	return postQuestion[BundleAnswer](ctx, c, j, casePath(caseID, "bundles"), map[string]string{"for": wantedFor})
}

// Bundles lists the bundles of a case that were made.
func (c *Client) Bundles(ctx context.Context, j Justification, caseID string) (*BundlesAnswer, error) {
	return getAnswer[BundlesAnswer](ctx, c, j, "/v1/cases/{case_id}/bundles", CaseQuery{CaseID: caseID})
}

// EvidenceKeys lists the public keys of evidence bundles.
func (c *Client) EvidenceKeys(ctx context.Context) (*EvidenceKeysAnswer, error) {
	return getAnswer[EvidenceKeysAnswer](ctx, c, Justification{}, "/v1/evidence-keys", Empty{})
}

// BundleFile fetches the file of a bundle that the user made.
func (c *Client) BundleFile(ctx context.Context, j Justification, bundleID string) ([]byte, error) {
	return c.fetchFile(ctx, j, "/v1/bundles/"+url.PathEscape(bundleID)+"/file")
}

// fetchFile fetches a file under a justification.
func (c *Client) fetchFile(ctx context.Context, j Justification, path string) ([]byte, error) {
	if !c.Insecure && !mayTravel(c.BaseURL) {
		return nil, errInsecure
	}
	h := http.Header{}
	purpose, err := c.purposeOf(ctx, j)
	if err != nil {
		return nil, err
	}
	if purpose != "" {
		h.Set(purposeHeader, purpose)
	}
	status, _, content, err := c.doRequest(ctx, http.MethodGet, path, nil, h)
	if err == nil && status != http.StatusOK {
		err = apiError(status, content)
	}
	return content, err
}
