package office

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
)

// Transmit hands the cases of a track over, or checks that they can be.
func (c *Client) Transmit(ctx context.Context, j Justification, q TransmitQuery) (*TransmitAnswer, error) {
	content, err := json.Marshal(q.Body)
	if err != nil {
		return nil, fmt.Errorf("write the question: %w", err)
	}
	return sendRequest[TransmitAnswer](ctx, c, http.MethodPost, j, "/v1/transmissions", content, http.Header{"Idempotency-Key": {q.Key}})
}

// Transmissions lists batches, and what waits.
func (c *Client) Transmissions(ctx context.Context, j Justification, q TransmissionsQuery) (*TransmissionsAnswer, error) {
	return getAnswer[TransmissionsAnswer](ctx, c, j, "/v1/transmissions", q)
}

// Transmission asks for a batch with its cases.
func (c *Client) Transmission(ctx context.Context, j Justification, id string) (*TransmissionAnswer, error) {
	return getAnswer[TransmissionAnswer](ctx, c, j, "/v1/transmissions/{id}", TransmissionQuery{ID: id})
}

// TransmissionFile fetches the file of a batch.
func (c *Client) TransmissionFile(ctx context.Context, j Justification, id string) ([]byte, error) {
	return c.fetchFile(ctx, j, "/v1/transmissions/"+url.PathEscape(id)+"/file")
}

// AnswerTransmission records what the recipient says. file is as the recipient wrote it.
func (c *Client) AnswerTransmission(ctx context.Context, j Justification, id string, file []byte) (*AnswersAnswer, error) {
	return postQuestion[AnswersAnswer](ctx, c, j, "/v1/transmissions/"+url.PathEscape(id)+"/answers", json.RawMessage(file))
}

// ReturnCase sends a case back.
func (c *Client) ReturnCase(ctx context.Context, j Justification, q ReturnQuery) (*CaseActAnswer, error) {
	return changeCase[CaseActAnswer](ctx, c, j, &q.CaseChange, "returns", q.Body)
}

// MendCase says what was mended of a case that came back.
func (c *Client) MendCase(ctx context.Context, j Justification, q MendingQuery) (*CaseActAnswer, error) {
	return changeCase[CaseActAnswer](ctx, c, j, &q.CaseChange, "mendings", q.Body)
}

// AnnulCase takes a case back after transmission.
func (c *Client) AnnulCase(ctx context.Context, j Justification, q AnnulmentQuery) (*CaseActAnswer, error) {
	return changeCase[CaseActAnswer](ctx, c, j, &q.CaseChange, "annulments", q.Body)
}
