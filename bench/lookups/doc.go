// Package lookups measures the look-ups of the office on a year of reads (target T8): every kind of question through the HTTP
// API, with its access log, by 1, 10 and 50 users, while nothing else happens and while reads are stored.
//
// Users think: each waits for a random time around Config.Think, asks one question and waits for the answer. That is a closed
// loop, as T8 states it: its rate falls when answers are slow, so the number of answers is reported beside the percentiles.
// A user with no time to think asks at once after each answer.
package lookups
