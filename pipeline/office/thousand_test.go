package office

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"

	"github.com/gvc-brussels/anpr/pipeline/office/access"
	"github.com/gvc-brussels/anpr/pipeline/office/query"
	"github.com/gvc-brussels/anpr/schemas"
)

// insertAll adds rows with the same columns as one block.
func (d *desk) insertAll(table string, rows []map[string]any) {
	d.t.Helper()
	for _, r := range rows {
		if table == "offences" {
			sealRow(d.t, r)
		}
	}
	cols := slices.Sorted(maps.Keys(rows[0]))
	d.inserts++
	ctx := clickhouse.Context(d.t.Context(), clickhouse.WithSettings(clickhouse.Settings{"insert_deduplication_token": strconv.Itoa(d.inserts)}))
	b, err := d.conn.PrepareBatch(ctx, "INSERT INTO "+table+" ("+strings.Join(cols, ", ")+")")
	if err != nil {
		d.t.Fatal(err)
	}
	for _, r := range rows {
		vals := make([]any, len(cols))
		for i, c := range cols {
			vals[i] = r[c]
		}
		if err := b.Append(vals...); err != nil {
			d.t.Fatal(err)
		}
	}
	if err := b.Send(); err != nil {
		d.t.Fatal(err)
	}
}

// many is the number of rows in each list, more than the longest page.
const many = query.MaxLimit + 50

// listedPlate is the i-th plate in a list.
func listedPlate(i int) string { return fmt.Sprintf("1D%c%c%03d", 'A'+i/1000, 'A'+i/100%10, i%1000) }

// fillThousand puts many rows in every listed table, within an hour of one day and camera.
func (d *desk) fillThousand() {
	tables := map[string][]map[string]any{}
	for i := range many {
		ago := time.Duration(i+1) * 3 * time.Second
		r := d.readRow("1ABC123", "BRU-1", "5339", ago)
		id := schemas.ID{byte(i), byte(i >> 8), 1}.String()
		o := d.offenceRow(r, "speed", "candidate")
		o["offence_id"] = id
		tables["reads"] = append(tables["reads"], r, d.readRow(listedPlate(i), "BRU-2", "5339", ago))
		tables["offences"] = append(tables["offences"], o)
		tables["decisions"] = append(tables["decisions"], map[string]any{
			"passage_id": r["passage_id"], "rule": "bru.speed.fixed", "plate": "1ABC123", "outcome": "exempt", "read_id": r["read_id"],
			"captured_at": r["captured_at"], "trace": o["trace"],
		})
		tables["hits"] = append(tables["hits"], map[string]any{"hit_id": id, "plate": "1ABC123", "listed_plate": "1ABC123", "zone": "5339", "captured_at": r["captured_at"]})
		tables["rejects"] = append(tables["rejects"], map[string]any{
			"reason": "bad_plate", "kafka_topic": schemas.TopicReads, "kafka_offset": int64(i), "received_at": r["captured_at"], "payload_head": canary,
		})
	}
	for table, rows := range tables {
		d.insertAll(table, rows)
	}
}

// logThousand logs many look-ups by a user that showed a plate.
func (d *desk) logThousand(user, plate string) {
	d.t.Helper()
	l, err := d.office.openLog()
	if err != nil {
		d.t.Fatal(err)
	}
	all := d.office.cfg.Users.All()
	u := &all[slices.IndexFunc(all, func(u access.User) bool { return u.Name == user })]
	ask := access.Request{Route: access.RouteSearch, Purpose: access.Judicial, Reason: why, CaseRef: aFile, ByPlate: true, Query: fmt.Sprintf(`{"plate":%q}`, plate), Plates: []string{plate}}
	scope, refusal := access.Authorise(u, ask, schemas.MicrosOf(now))
	if refusal != nil {
		d.t.Fatal(refusal.Detail)
	}
	var wg sync.WaitGroup
	for range many {
		wg.Go(func() {
			p, err := l.Grant(d.t.Context(), scope)
			if err == nil {
				err = l.Disclose(d.t.Context(), p, access.Disclosure{Rows: 1, Plates: []string{plate}})
			}
			if err != nil {
				d.t.Error(err)
			}
		})
	}
	wg.Wait()
}

// listing is one command that lists rows: asking for a page, and printing the page.
type listing struct {
	role access.Role
	page int
	ask  func(c *Client, p Paging) (ids []string, next string, show func(io.Writer) error, err error)
}

// idsOf returns the ids of a page's rows.
func idsOf[T any](rows []T, id func(*T) string) (out []string) {
	for i := range rows {
		out = append(out, id(&rows[i]))
	}
	return out
}

// listings returns the commands of anpr query that list rows by pages.
func (d *desk) listings() map[string]listing {
	ctx, window := d.t.Context(), TimeRange{From: now.Add(-hour), To: now}
	search := func(q SearchQuery) func(*Client, Paging) ([]string, string, func(io.Writer) error, error) {
		return func(c *Client, p Paging) ([]string, string, func(io.Writer) error, error) {
			q.Justification, q.Paging = judicial(), p
			a, err := c.Search(ctx, q)
			if err != nil {
				return nil, "", nil, err
			}
			return idsOf(a.Reads, func(r *query.Read) string { return r.ReadID.String() }), a.Next, func(w io.Writer) error { return PrintReads(w, a) }, nil
		}
	}
	return map[string]listing{
		"plate":            {access.ZoneOfficer, 100, search(SearchQuery{Plate: "1ABC123"})},
		"plate, a pattern": {access.ZoneOfficer, 1000, search(SearchQuery{Plate: "1ABC*", TimeRange: window})},
		"camera":           {access.ZoneOfficer, 100, search(SearchQuery{Camera: []string{"BRU-1"}, TimeRange: window})},
		"hits": {access.ZoneOfficer, 100, func(c *Client, p Paging) ([]string, string, func(io.Writer) error, error) {
			a, err := c.Hits(ctx, HitsQuery{Justification: judicial(), Paging: p})
			if err != nil {
				return nil, "", nil, err
			}
			return idsOf(a.Hits, func(h *query.Hit) string { return h.HitID.String() }), a.Next, func(w io.Writer) error { return PrintHits(w, a) }, nil
		}},
		"decisions --explain": {access.GVCAgent, 100, func(c *Client, p Paging) ([]string, string, func(io.Writer) error, error) {
			a, err := c.Decisions(ctx, DecisionsQuery{Justification: traffic(), Paging: p, Plate: "1ABC123", Explain: true, Lang: "fr"})
			if err != nil {
				return nil, "", nil, err
			}
			return idsOf(a.Decisions, func(x *Decided) string { return x.PassageID.String() }), a.Next, func(w io.Writer) error { return PrintDecisions(w, a) }, nil
		}},
		"rejects": {access.GVCSupervisor, 100, func(c *Client, p Paging) ([]string, string, func(io.Writer) error, error) {
			a, err := c.Rejects(ctx, RejectsQuery{Justification: traffic(), Paging: p})
			if err != nil {
				return nil, "", nil, err
			}
			return idsOf(a.Rejects, func(r *query.Reject) string { return fmt.Sprint(r.Offset) }), a.Next, func(w io.Writer) error { return PrintRejects(w, a) }, nil
		}},
		"access-log": {access.Auditor, 100, func(c *Client, p Paging) ([]string, string, func(io.Writer) error, error) {
			a, err := c.AccessLog(ctx, AccessLogQuery{Justification: oversight(), Paging: p, User: "looked-up", Kind: "asked"})
			if err != nil {
				return nil, "", nil, err
			}
			return idsOf(a.Entries, func(e *AccessEntry) string { return fmt.Sprint(e.Seq) }), a.Next, func(w io.Writer) error { return PrintAccessLog(w, a) }, nil
		}},
		"access-log --disclosed": {access.Auditor, 100, func(c *Client, p Paging) ([]string, string, func(io.Writer) error, error) {
			a, err := c.Disclosures(ctx, DisclosuresQuery{Justification: oversight(), Paging: p, Plate: "1XYZ789"})
			if err != nil {
				return nil, "", nil, err
			}
			rows := slices.DeleteFunc(slices.Clone(a.Disclosures), func(e Disclosure) bool { return e.User != "looked-up" })
			return idsOf(rows, func(e *Disclosure) string { return fmt.Sprint(e.Seq) }), a.Next, func(w io.Writer) error { return PrintDisclosures(w, a) }, nil
		}},
	}
}

// Under the production limits every listing command returns more than a thousand rows, each once, page by page.
func TestEveryCommandThatListsGivesMoreThanAThousandRows(t *testing.T) {
	var names []string
	d := newDesk(t, func(c *Config) {
		c.Limits = UserLimits{} // the limits in production
		list := "users:\n  - {name: looked-up, role: zone_officer, zones: [\"5339\"], token_sha256: " + hash("looked-up") + ", valid_to: 2027-06-30}\n" +
			"  - {name: owner, role: zone_officer, zones: [\"5339\"], token_sha256: " + hash("owner") + ", valid_to: 2027-06-30, grants: [\"list:stolen\"]}\n"
		commands := (&desk{t: t}).listings()
		names = slices.Sorted(maps.Keys(commands))
		for i, name := range names { // a user for each command, so that the day's rows are untouched
			zones := ""
			if commands[name].role == access.ZoneOfficer {
				zones = `zones: ["5339"], `
			}
			list += fmt.Sprintf("  - {name: u%d, role: %s, %stoken_sha256: %s, valid_to: 2027-06-30}\n", i, commands[name].role, zones, hash(name))
		}
		if err := c.Users.Reload(strings.NewReader(list)); err != nil {
			t.Fatal(err)
		}
	})
	d.fillThousand()
	d.logThousand("looked-up", "1XYZ789")
	for name, l := range d.listings() {
		c := &Client{BaseURL: d.server.URL, Token: name, HTTP: d.server.Client()} // waits at a limit
		met, after := map[string]bool{}, ""
		for {
			ids, next, show, err := l.ask(c, Paging{Limit: l.page, After: after})
			if err != nil {
				t.Errorf("%s: after %d rows: %v", name, len(met), err)
				break
			}
			for _, id := range ids {
				if met[id] {
					t.Errorf("%s: %s twice", name, id)
				}
				met[id] = true
			}
			var out bytes.Buffer
			if err := show(&out); err != nil || strings.Count(out.String(), "\n") <= len(ids) {
				t.Errorf("%s: %d rows are printed as %d lines, err %v", name, len(ids), strings.Count(out.String(), "\n"), err)
			}
			if after = next; after == "" {
				break
			}
		}
		if len(met) != many {
			t.Errorf("%s: %d rows, want %d", name, len(met), many)
		}
	}
	d.checkWholeAnswers()
}

// checkWholeAnswers checks the commands that answer without pages.
func (d *desk) checkWholeAnswers() {
	d.t.Helper()
	owner := d.client("owner")
	in := RetroQuery{Justification: judicial()}
	for i := range many {
		in.Entries = append(in.Entries, query.RetroEntry{ID: fmt.Sprint(i), Plate: listedPlate(i)})
	}
	if a, err := owner.RetroMatches(d.t.Context(), in); err != nil || len(a.Matches) != many {
		d.t.Errorf("retro: %v, want %d matches", err, many)
	}
	found, err := owner.Search(d.t.Context(), SearchQuery{Justification: judicial(), Plate: "1ABC123", Paging: Paging{Limit: 1}})
	if err != nil {
		d.t.Fatal(err)
	}
	a, err := owner.Journey(d.t.Context(), judicial(), JourneyQuery{ID: found.SearchID, Day: "2026-11-21"})
	if err != nil || len(a.Reads) != query.MaxLimit || !a.Cut || !a.Reads[len(a.Reads)-1].CapturedAt.Equal(now.Add(-3*time.Second)) {
		d.t.Errorf("journey: %v, want the latest %d reads, and that there are more", err, query.MaxLimit)
	}
}
