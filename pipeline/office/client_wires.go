package office

import (
	"context"
	"net/url"
)

// Wires lists tripwires.
func (c *Client) Wires(ctx context.Context, j Justification) (*WiresAnswer, error) {
	return getAnswer[WiresAnswer](ctx, c, j, "/v1/tripwires", Empty{})
}

// OpenWire stops issuing of a camera and a family.
func (c *Client) OpenWire(ctx context.Context, j Justification, q OpenWireQuery) (*WireAnswer, error) {
	return postQuestion[WireAnswer](ctx, c, j, "/v1/tripwires", q.Body)
}

// ReleaseWire releases a tripwire.
func (c *Client) ReleaseWire(ctx context.Context, j Justification, q ReleaseWireQuery) (*WireAnswer, error) {
	return postQuestion[WireAnswer](ctx, c, j, "/v1/tripwires/"+url.PathEscape(q.ID)+"/release", q.Body)
}
