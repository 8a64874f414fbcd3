// Package recovery rebuilds the tables from the log, or from a backup and the log, and proves that the result is the same.
//
// The rebuilding worker is the ordinary one. What it is given differs: a consumer group of its own, so that the live
// group's offsets stay as they are ([ShortenedGroup] also ends the log where the live group had committed and writes no ticks), and a
// publisher that is mute ([MutePublisher]), because what those records put on the output topics is there already, with the same
// ids. From the offset on at which the live group stands, its own workers go on, and publish.
//
// A backup of several tables is not of one instant. It is made good by its [BackupOffsets]: the offsets that the group had committed before the
// backup began, all rows below which are in it. Rows from there on are deleted after the restore and made again from the log.
//
// Dead letters: [Redrive] puts rejected records on the log again once their cause is mended: an unknown camera registered, a validity
// corrected, a decoder fixed. The record goes back byte for byte, so it has the read id it always had, and ends as one stored read
// however often it is sent again: what is stored or merged already is left out, and what is still on its way is met by the pipeline's
// own window for retransmissions.
package recovery
