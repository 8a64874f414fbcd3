// Package desk measures the review desk of an office: agents who take items, look at the pictures and decide, over HTTP as
// the page does, with and without reads ingested beside them.
package desk
