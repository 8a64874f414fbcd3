// Package restore rebuilds the tables from the log, or from a backup and the log, and proves that the result is the same.
//
// The rebuilding worker is the ordinary one. What it is given differs: a consumer group of its own, so that the live
// group's offsets stay as they are ([Group] also ends the log where the live group had committed and writes no ticks), and a
// publisher that is mute ([Mute]), because what those records put on the output topics is there already, with the same
// ids. From the offset on at which the live group stands, its own workers go on, and publish.
//
// A backup of several tables is not of one instant. It is made good by its [Cut]: the offsets that the group had committed before the
// backup began, all rows below which are in it. Rows from there on are deleted after the restore and made again from the log.
package restore
