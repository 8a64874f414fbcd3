// Package gateway is the HTTP entry of camera uploads: it makes the canonical read of what a camera posts and answers
// 200 only after the broker has acknowledged it.
//
//	POST /v1/cameras/{camera_id}/reads            anpr.v1.PlateRead as Protobuf, or its JSON: an object or an array
//	POST /v1/cameras/{camera_id}/hikvision        ISAPI EventNotificationAlert, alone or multipart with pictures
//	POST /v1/cameras/{camera_id}/openalpr         alpr_group, alpr_results, alpr_alert, heartbeat of OpenALPR and Rekor agents
//	POST /v1/cameras/{camera_id}/platerecognizer  Stream and Snapshot webhooks, alone or multipart with a picture
//	POST /v1/cameras/{camera_id}/axis             License Plate Verifier: ALPV MetadataStream, or the engine's push JSON
//	POST /v1/cameras/{camera_id}/survision        anpr messages
//
// # Who sends
//
// One proof is enough, and what a device can send decides which: "Authorization: Bearer TOKEN" or "Token TOKEN"; Basic with
// the token as the password, or put together from user name and password; Digest (RFC 7616; MD5 or SHA-256), for cameras in
// the file of Digest secrets; a header of the device's own (auth_header of the registry); a client certificate that a trusted
// proxy verified (client_subject); an address of the camera's own (addresses). A token in the address of a request is not
// accepted: addresses end up in logs. A token never writes for another camera, but for those that the registry places behind it.
//
// Senders are told apart before anything is taken of what cameras share. Those who do not authenticate have a few places of
// their own, and at most 4 KiB of what they send are kept, within a budget a day. The first half of a challenge and response
// is no failure and leaves nothing.
//
// # Answers
//
// 200 with {"reads":[{"index","outcome","read_id","duplicate_safe",...}],"unread":[...],"ignored":[...]}: at least one
// read is on the log, or there was nothing to keep: a vehicle whose plate the camera did not read (counted once for its
// camera, its picture stored if the site wants that), a heartbeat, a preview, the beginning of a track, what another
// detector saw. A read's notes name what was left out or replaced, empty what the message does not say, unknown the
// fields that the format does not have. A read_id is a function of the upload, pictures included, so sending it again is
// always safe (but for a read without a time: duplicate_safe says so); the camera's own event id alone makes no two
// observations one. Refused: {"reason","field","detail"} where reason is a schemas.Reason.
//
//	400 malformed, bad_utf8                        401 unauthorised
//	403 camera_expired at the time of capture      404 unknown_camera
//	405 another method than POST                   408 the body came too slowly
//	413 too_large: the body
//	415 unsupported: the content type              422 everything else, naming the field
//	429 the camera's rate, or its uploads at a time, or failed authentications; 503 the gateway is full, or the broker or the image store did not take it: send it again
//
// Of several reads in one upload the good ones are kept and each answers for itself; only when none is good is the
// answer that of the first. Apart from 405, 408, 413, 429 and 503 a refused upload is kept: it is produced as a quarantine
// record on the same topic, from where the pipeline puts it into the dead-letter topic. Quarantines of senders that did
// not authenticate are bounded for the whole gateway; what exceeds the bound is refused and counted, not kept.
// Delivery is at least once: a quarantine record has no id, so an upload that is retried after a 503 may be there twice.
//
// # Reading what cameras send
//
// A reader is a pure function from bytes to reads. It is lenient in what it takes: names match without regard to case,
// underscores, dashes and @; numbers may be strings; an array may be its only element; XML namespaces are ignored; any
// text encoding that is declared or marked is converted. It is strict in what it makes: integers, bounded texts. A
// doubtful secondary value (a speed of 900, a confidence of 150) is left out and noted in the answer; the read is kept. A
// message without the field for the plate is refused (missing_field): it says nothing about a plate, which is not the
// same as a plate that was not read.
//
// A message may lie deeper, in the envelope of a relay, a broker or the vendor: the topmost element that is one is read
// (unwrap). Messages that hold no read by design (signs of life, tests, states, errors, other detections) are answered
// 200 and counted by kind. A vendor that tells of one vehicle in several messages is heard in all of them (tracks).
//
// Time. captured_at is the camera's clock. Its instant is taken as the camera states it when it is not more than five
// minutes ahead of received_at and not older than twelve months. A message without a time, or with one that cannot be (a
// clock that a power cut set back to 2020), counts at the time of receipt and its clock as not to be trusted: lists see
// the vehicle, offences are held. From a camera's buffer it is refused, because the vehicle did not pass now; so is a
// canonical read that is ahead or before 2000, because software can mend its clock. The stated offset is not trusted
// blindly: firmware leaves a factory offset (+08:00) beside a wall clock set by hand. When the offset is not the one
// Brussels has at that time, the instant is more than five minutes from received_at, and the same wall clock read as
// Brussels time is within five minutes of it, then the wall clock is right and the offset is not: it is replaced, and
// noted. A time without offset is in the zone that the vendor means by the field:
//
//	hikvision        dateTime, absTime: Brussels (the camera's wall clock)
//	openalpr         epoch_start, best_uuid_epoch_ms, epoch_end, epoch_time: epochs
//	platerecognizer  timestamp, timestamp_camera: UTC; timestamp_local: Brussels
//	axis             capture_timestamp, capture_ts: epochs; UtcTime: UTC; datetime: Brussels
//	survision        @date: an epoch
//	reads            captured_at_us: an epoch
//
// Ids are always derived from the time as stated, so they do not depend on when an upload arrives. A camera that is
// known to send a wrong zone must be configured right: there is no setting for it here.
//
// Rounding: confidences to the nearest per mille, speeds down to a tenth of a km/h (in the driver's favour).
package gateway
