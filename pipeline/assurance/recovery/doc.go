// Package recovery rebuilds the tables from the log, or from a backup and the log, and proves that the result is
// the same.
//
// The rebuilding worker is the ordinary worker with other surroundings. A separate consumer group leaves the live
// group's offsets as they are; [ShortenedGroup] also ends the log at the live group's commits and writes no ticks.
// A mute publisher ([MutePublisher]) publishes nothing, because the output topics hold these outputs already, with
// the same ids. From the live group's offset on, the live workers go on, and publish.
//
// A backup of several tables has no single instant. The [BackupOffsets] make up for this: they are the offsets
// that the group had committed before the backup began, and the backup holds all rows below. Rows from these
// offsets on are deleted after the restore and made again from the log.
//
// Dead letters: [Redrive] puts rejected records on the log again after the cause is mended: an unknown camera
// registered, a validity corrected, a decoder fixed. The record goes back byte for byte, so it keeps its read id
// and ends as a single stored read, however often it is sent again: reads already stored or merged are left out,
// and the pipeline's own repeat filter meets reads still on the way.
package recovery
