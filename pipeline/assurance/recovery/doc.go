// Package recovery rebuilds the tables from the log, or from a backup and the log, and proves that the result is
// the same. The package also puts dead letters on the log again.
//
// # Rebuilding
//
// An ordinary worker rebuilds the tables, with another consumer group and another publisher. The separate consumer
// group ([ShortenedGroup]) leaves the live group's offsets unchanged, ends the log at the live group's commits and
// writes no ticks. The [MutePublisher] publishes nothing, because the output topics already hold these outputs with
// the same ids. From the live group's offset on, the live workers process the log and publish.
//
// A backup of several tables has no single instant. The [BackupOffsets] are the offsets that the group had committed
// before the backup began, and the backup holds all rows below them. After the restore, rows from these offsets on
// are deleted and made again from the log.
//
// # Dead letters
//
// [Redrive] puts rejected records on the log again after the cause is mended: an unknown camera is registered, a
// validity corrected, a decoder fixed. The record goes back byte for byte and keeps the read id. The record therefore
// ends as a single stored read after any number of redrives. Redrive leaves out reads that are stored or merged, and
// the pipeline's repeat filter catches reads still on the way.
package recovery
