package office

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
)

// Team asks for the figures of a team.
func (c *Client) Team(ctx context.Context, j Justification) (*TeamAnswer, error) {
	return getAnswer[TeamAnswer](ctx, c, j, "/v1/team", Empty{})
}

// MyFigures asks for the own figures.
func (c *Client) MyFigures(ctx context.Context, j Justification) (*MyFiguresAnswer, error) {
	return getAnswer[MyFiguresAnswer](ctx, c, j, "/v1/me/figures", Empty{})
}

// Bulk counts the cases of an act, or asks a second person for it.
func (c *Client) Bulk(ctx context.Context, j Justification, q BulkQuery) (*BulkAnswer, error) {
	content, err := json.Marshal(q.Body)
	if err != nil {
		return nil, fmt.Errorf("write the change: %w", err)
	}
	return sendRequest[BulkAnswer](ctx, c, http.MethodPost, j, "/v1/cases/bulk", content, http.Header{"Idempotency-Key": {q.Key}})
}

// BulkActs lists acts on many cases.
func (c *Client) BulkActs(ctx context.Context, j Justification) (*BulkActsAnswer, error) {
	return getAnswer[BulkActsAnswer](ctx, c, j, "/v1/bulk-acts", Empty{})
}

// BulkAct asks how far an act is.
func (c *Client) BulkAct(ctx context.Context, j Justification, id string) (*BulkActAnswer, error) {
	return getAnswer[BulkActAnswer](ctx, c, j, "/v1/bulk-acts/{bulk_id}", BulkActQuery{BulkID: id})
}

// BulkCases lists what became of the cases of an act.
func (c *Client) BulkCases(ctx context.Context, j Justification, q BulkCasesQuery) (*BulkCasesAnswer, error) {
	return getAnswer[BulkCasesAnswer](ctx, c, j, "/v1/bulk-acts/{bulk_id}/cases", q)
}

// Affected asks for a page of the cases that rest on a value.
func (c *Client) Affected(ctx context.Context, q AffectedQuery) (*AffectedAnswer, error) {
	return postQuestion[AffectedAnswer](ctx, c, q.Justification, "/v1/affected-cases/query", q)
}
