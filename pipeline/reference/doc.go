// Package reference loads the reference data (camera registry, vehicle registers, hotlists, exemptions, day passes,
// foreign registrations) from a directory, checks everything, indexes it compactly and swaps it atomically. It refuses
// a broken or suspicious version with file, line and field, and the previous version stays.
//
// [Load] makes an immutable [Snapshot]; [Store] keeps the current snapshot and reloads when files change. A Snapshot
// is safe for concurrent use by any number of goroutines, and its look-ups neither block nor allocate.
//
// # The directory
//
// Dates: 2026-07-01 is Brussels midnight on that day; an instant (cameras.yaml, registers.yaml, lists) may also be RFC
// 3339 with zone. valid_to is exclusive, empty = open. valid_from is required, except for a camera. CSV: a header line
// with the column names (any order), comma, UTF-8, encoding/csv, # comment lines allowed, and a newline after the last
// line (a file without it was probably cut off). Plates are written canonically (A-Z0-9). YAML: plain mappings and
// lists; anchors, aliases, tags and deep nesting are refused. Only cameras.yaml is required; a missing file is empty.
//
// cameras.yaml
//
//	cameras:
//	  - id: BRU-0001            # max 64 bytes, [A-Za-z0-9._-]
//	    site: S-0001
//	    kind: fixed             # fixed | temporary | mobile
//	    municipality: 21004     # NIS: 21001..21019, or five digits outside Brussels-Capital
//	    zone: "5339"
//	    lat_e6: 50846700
//	    lon_e6: 4352500
//	    street: {nl: Wetstraat, fr: Rue de la Loi}   # shown beside the camera; both names, twice the same where there is one
//	    purposes: [lez, speed, hotlist]
//	    valid_from: 2018-01-01
//	    valid_to:
//	    allowed_lateness: 5m    # Go duration; default fixed 5m, temporary 24h, mobile 1h
//	    inside_lez: true
//	    token_sha256: <hex of SHA-256 of the bearer token>   # empty = no token issued, uploads refused
//	    auth_header: x_auth_key          # the device sends its token in a header of its own
//	    client_subject: CN=BRU-0001      # of its client certificate, as the trusted proxy says
//	    addresses: [10.1.2.3]            # a device that cannot authenticate: no token is asked from there
//	    source_id: ["1"]                 # by what messages name the device: channel, camera number
//	    behind: BRU-0002                 # it posts to the address of that camera, with its token, and is told by source_id
//	    lanes:
//	      - {number: 1, direction: approaching, lez_excluded: false, limits: [{limit_kmh: 30, surround: zone_30, valid_from: 2021-01-01, legal_basis: "...", verified: false}]}
//	    certificates: [{serial: X, approval: Y, valid_from: 2025-11-01, valid_to: 2027-11-01}]
//	    loans: [{zone: "5340", valid_from: 2026-01-01, valid_to: 2026-02-01}]
//
// A limit's legal_basis may be one text, or {nl: "...", fr: "...", en: "..."}: what staff read is in their language then.
// surround: built_up | zone_30 | school | residential | motorway | other. Lane number 0 is every lane, direction
// unknown every direction. The first matching lane is used, so a lane hidden by an earlier lane is refused.
//
// A limit with hours holds at those hours only, and then goes before a limit without. Hours are on a Brussels clock,
// from_time inclusive, to_time exclusive; a to_time before from_time is on the day after; 24:00 is the end of the day.
// Without a limit at the time of capture no offence is made. No read tells what a variable sign showed, so an excess
// over such a limit is held.
//
//	limits:
//	  - {limit_kmh: 50, surround: built_up, valid_from: 2021-01-01}
//	  - {limit_kmh: 30, surround: school, days: [monday, tuesday, thursday, friday], from_time: 07:30, to_time: 09:00, valid_from: 2021-01-01}
//	  - {limit_kmh: 30, surround: zone_30, days: [friday, saturday], from_time: 22:00, to_time: 06:00, variable_sign: true, valid_from: 2021-01-01}
//
// A lane that is reserved for buses; turn_allowed is true at F17 unless it says false, and then a person must look:
//
//	lanes: [{number: 3, reserved: [{sign: F17, use: bus_taxi, turn_allowed: false, days: [monday], from_time: 07:00, to_time: 09:00, valid_from: 2026-01-01, legal_basis: {nl: "...", fr: "..."}}]}]
//
// The category of the tunnel that a camera sees vehicles in (ADR 1.9.5), perhaps by the hour:
//
//	tunnels: [{id: LEOPOLD, category: C, lanes: [1], direction: approaching, days: [monday], from_time: 06:00, to_time: 22:00, valid_from: 2026-01-01, legal_basis: {nl: "...", fr: "..."}, verified: false}]
//
// registers.yaml
//
//	registers: [{name: DIV, country: BE, as_of: 2026-11-21T03:00:00+01:00}, {name: RDW, country: NL, as_of: ...}]
//	copies: [{name: registrations, as_of: 2026-11-21T03:00:00+01:00}, {name: passes, as_of: ...}]
//
// as_of is the time up to which a copy is complete. copies states the ages of registrations.csv, passes.csv and
// exemptions.csv (name: exemptions). The age of a copy that is not listed is not known. A held case opens only
// when the copies that could cure it are complete up to the end of the hold.
//
// copies: [{name: permits, as_of: ..., rows: 1204}] also states the number of permits: a file with another number was cut
// off and is refused.
//
// access_zones.yaml (pedestrian, restricted C3, school street, no_goods C23; an id may come again for a later time)
//
//	calendars: [{id: school-fr, valid_from: 2026-08-24, valid_to: 2027-07-03, days_off: [{from: 2026-10-19, to: 2026-11-02}]}]
//	access_zones:
//	  - id: school-1
//	    kind: school                   # pedestrian | restricted | school | no_goods
//	    name: {nl: Schoolstraat, fr: "Rue de l'École"}
//	    school_days: school-fr         # not given = every day
//	    slots: [{days: [monday, tuesday], from_time: 08:00, to_time: 08:30}]      # when it is barred; none = always
//	    entries: [{camera: BRU-0001, lanes: [1], direction: approaching}]        # where vehicles are seen to enter
//	    valid_from: 2026-09-01
//	    legal_basis: {nl: "...", fr: "..."}
//	    verified: false                # no_goods also: above_kg (maximum mass that is free), local_traffic (a plate admits it)
//
// suspensions.yaml (rules stopped for a time; families: [all] or names; everywhere: true, or cameras, zones, municipalities)
//
//	suspensions: [{id: works-7, author: "5339", reason: {nl: werken, fr: travaux}, families: [access], zones: [school-1], from: 2026-11-01, to: 2026-11-08}]
//
// CSV files
//
//	permits.csv         plate,zone,reason,valid_from,valid_to and perhaps country,days,from_time,to_time,version    days joined by |
//	vehicles.csv        plate,country,category,fuel,euro,oldtimer,first_registration,valid_from,valid_to     one plate may have several rows with disjoint periods
//	lists/<list>.csv    id,plate,country,reason,case_ref,priority,valid_from,valid_to,audience,confusable     audience: zones joined by |; confusable: true or false
//	exemptions.csv      plate,family,kind,ref,valid_from,valid_to
//	passes.csv          plate,day
//	registrations.csv   plate,country,valid_from,valid_to
//
//	road_times.csv      from_site,to_site,seconds,valid_from,valid_to    shortest time on an empty road, one line a direction; every camera of both sites has the purpose clone
//	standing.csv        plate,country,insured_until,inspected_until,registered_until,plate_cancelled_from    last days and a first day, empty = not said; copies must state its as_of
//
// Further columns may be absent, so files in an earlier form still load; empty = not known:
//
//	vehicles.csv        class (1, 2 or 3 of category N1), reference_mass_kg (above 4095 is kept as that), body (code of the certificate, as in BC or SA)
//	exemptions.csv      country (of the plate; not given = BE)
//	passes.csv          country (of the plate; not given = BE), issued (a day or an instant)
//	registrations.csv   category, class, fuel, euro: what the owner declared
//
// SHA256SUMS is optional and in the form of sha256sum(1), with names relative to the directory. When present, it must
// name every loaded file, and every file must match: this catches an unfinished copy. Other files (users.yaml,
// secrets/) are not read and do not count for the version.
//
// # Writing the files
//
// Replace files by rename, not in place. The watcher loads a change after it has seen the same sizes and modification
// times twice in a row. A file changed during reading is refused.
//
// # Memory
//
// Vehicles and list entries lie outside the garbage collector. A cache line holds three 20-byte vehicle periods, and
// its spare bits hold class, body and reference mass. Filled to three quarters, this makes 28.4 bytes a period, 228 MB
// for eight million. A list entry is 56 bytes, its slot 11, and its texts. A look-up costs one cache miss, seldom two;
// [Snapshot.Prefetch] overlaps the misses for a batch of plates. During a reload both versions exist; unchanged files
// are shared by both and not parsed again.
//
// # Index files
//
// With [Options.IndexDir] the two tables are kept as files, and the next start maps them instead of parsing. They are
// a cache: the key is the SHA-256 over the source files and everything else in the result; header and contents have
// check sums; a broken or stale file is made again, never trusted. They are replaced by rename; do not write to them
// in place while a process has them mapped.
package reference
