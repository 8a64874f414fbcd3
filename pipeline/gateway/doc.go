// Package gateway is the HTTP entry for camera uploads. It turns a camera's post into canonical reads and answers 200
// only after the broker has acknowledged them. ADD_A_FORMAT.md shows how to add a camera maker.
//
//	POST /v1/cameras/{camera_id}/reads            anpr.v1.PlateRead as Protobuf, or its JSON: an object or an array
//	POST /v1/cameras/{camera_id}/hikvision        ISAPI EventNotificationAlert, alone or multipart with pictures
//	POST /v1/cameras/{camera_id}/openalpr         alpr_group, alpr_results, alpr_alert, heartbeat of OpenALPR and Rekor agents
//	POST /v1/cameras/{camera_id}/platerecognizer  Stream and Snapshot webhooks, alone or multipart with a picture
//	POST /v1/cameras/{camera_id}/axis             License Plate Verifier: ALPV MetadataStream, or the engine's push JSON
//	POST /v1/cameras/{camera_id}/survision        anpr messages
//	POST /v1/cameras/{camera_id}/dahua            ITSAPI push: TollgateInfo, KeepAlive and DeviceInfo below this address
//
// # Senders
//
// A single proof is enough, and the abilities of a device decide which:
//
//   - "Authorization: Bearer TOKEN" or "Token TOKEN"
//   - Basic, with the token as the password, or split over user name and password
//   - Digest (RFC 7616; MD5 or SHA-256), for cameras in the file of Digest secrets
//   - a header named by the device (auth_header in the registry)
//   - a client certificate verified by a trusted proxy (client_subject)
//   - an address listed for the camera (addresses)
//
// A token in the address of a request is not accepted, because addresses end up in logs. A token never writes for
// another camera, except for cameras placed behind it by the registry.
//
// The gateway tells senders apart before an upload takes a share of common resources. Unauthenticated senders have a
// few separate places, and at most 4 KiB of an upload is kept, within a budget a day. The first half of a challenge
// and response is no failure and leaves nothing.
//
// # Answers
//
// 200 with {"reads":[{"index","outcome","read_id","duplicate_safe",...}],"unread":[...],"ignored":[...]} means: at
// least one read is on the log, or there was nothing to keep. Nothing to keep is a heartbeat, a preview, the beginning
// of a track, or another detector's event. It is also a vehicle with an unread plate: the camera's count rises once,
// and the picture is stored if the site wants that.
//
// A read's notes name values left out or replaced, empty names missing values, unknown names fields foreign to the
// format. A read_id is a function of the upload, pictures included, so a repetition is always safe. A read without a
// time is the exception, see duplicate_safe. The camera's own event id alone makes no two observations one. A refusal
// is {"reason","field","detail"}; reason is a schemas.Reason.
//
//	400 malformed, bad_utf8                        401 unauthorised
//	403 camera_expired at the time of capture      404 unknown_camera
//	405 another method than POST                   408 the body came too slowly
//	413 too_large: the body                        415 unsupported: the content type
//	422 everything else, naming the field
//	429 the camera's rate, or its uploads at a time, or failed authentications
//	503 the gateway is full, or the broker or the image store did not take it: send it again
//
// Good reads in a mixed upload are kept, and each read answers for itself. Only when none is good does the first
// refusal become the answer. A refused upload is kept, apart from 405, 408, 413, 429 and 503: it becomes a quarantine
// record on the same topic, and the pipeline moves it to the dead-letter topic. A common bound covers the quarantines
// of all unauthenticated senders; an upload beyond it is refused and counted, not kept. Delivery is at least once. A
// quarantine record has no id, so an upload retried after a 503 may appear twice.
//
// # Reading
//
// A reader is a pure function from bytes to reads. It is lenient in its input: names match without regard to case,
// underscores, dashes and @; numbers may be strings; an array may be its only element. XML namespaces are ignored, and
// every declared or marked text encoding is converted. It is strict in its output: integers, bounded texts. A doubtful
// secondary value (a speed of 900, a confidence of 150) is left out and noted in the answer, and the read is kept. A
// message without the plate's field is refused (missing_field): it says nothing about a plate, unlike a plate reported
// as unread.
//
// A message may lie deeper, in the envelope of a relay, a broker or the vendor: the topmost message is read
// (unwrapMessages). Messages without a read by design (signs of life, tests, states, errors, other detections) are
// answered 200 and counted by kind. Several messages about one vehicle are joined (trackMemory).
//
// # Time
//
// captured_at is the camera's clock. The stated instant counts if it is at most five minutes ahead of received_at and
// at most twelve months old. A message without a time, or with an impossible time, counts at the time of receipt. Its
// clock is not trusted (a power cut may have set it back to 2020): lists see the vehicle, offences are held. From a
// camera's buffer such a message is refused, because the vehicle did not pass now. A canonical read ahead of time or
// before 2000 is refused too, because software can mend its clock.
//
// The stated offset is not trusted blindly: firmware leaves a factory offset (+08:00) beside a wall clock set by hand.
// The offset is replaced, and the replacement noted, under three conditions. Brussels does not have the offset at that
// time. The instant is more than five minutes from received_at. The same wall clock as Brussels time is within five
// minutes. A time without offset is in the zone meant by the vendor for the field; each reader's comment names it.
//
// Ids always use the stated time, so they do not depend on the arrival of an upload. A camera known to send a wrong
// zone must be configured right: the gateway has no setting for it.
//
// Rounding: confidences to the nearest per mille, speeds down to a tenth of a km/h (in the driver's favour).
package gateway
