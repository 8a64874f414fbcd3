// Package tripwire says when the offences of a camera are no longer those of its own history, so that issuing them is
// stopped before a person does: a limit, a zone flag or a list of permits that is wrong shows as a jump of their rate, or
// of the speeds among them.
//
// [Judge] is pure. It counts in windows of capture time that end at offences which arrived lately, and compares each with
// the same hours of the weeks before. Time never comes from a clock: late reads and a replay are compared with the hours in
// which they were captured. Tails are sums of whole numbers, so two offices and two machines find the same.
package tripwire
