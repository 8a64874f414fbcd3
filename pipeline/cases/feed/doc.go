// Package feed brings offences into cases, and events of cases out.
//
//	anpr.offences.v1 --> Intake --> cases (PostgreSQL) --> outbox --> Outbox --> anpr.reviews.v1 --> Reviews --> reviews (ClickHouse)
//	offences (ClickHouse) --> Comparison --> cases
//
// An offence becomes a case exactly once, because its id is the key: a repetition changes nothing. So Intake commits
// offsets after the transaction and needs no plan. An event leaves once or more, with the same id. Reviews plans each
// range before it inserts the range, as the pipeline does, so ClickHouse drops a repeated insert.
//
// An outage of PostgreSQL, Kafka or ClickHouse pauses the part that needs it. A record that can never become a case is
// counted, named in the log and left; its neighbours go on. What the topic lost, Comparison takes from the table.
package feed
