package bundle

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/crc32"
)

// Sizes and marks of the ZIP form (APPNOTE 6.3.10, sections 4.3.7, 4.3.12 and 4.3.16).
const (
	localMark, centralMark, endMark = 0x04034b50, 0x02014b50, 0x06054b50
	localSize, centralSize, endSize = 30, 46, 22
	stored                          = 10     // version needed: 1.0, no compression
	firstDay                        = 0x0021 // 1980-01-01
)

// Part is one file of a bundle.
type Part struct {
	Path string
	Data []byte
}

// appendLocal appends a part's local header.
func appendLocal(dst []byte, path string, crc, size uint32) []byte {
	le := binary.LittleEndian
	dst = le.AppendUint32(dst, localMark)
	dst = appendCommon(dst, path, crc, size)
	return append(dst, path...)
}

// appendCommon appends the fields that both headers of a part have in the same order.
func appendCommon(dst []byte, path string, crc, size uint32) []byte {
	le := binary.LittleEndian
	for _, v := range [...]uint16{stored, 0, 0, 0, firstDay} { // version, flags, method, time, date
		dst = le.AppendUint16(dst, v)
	}
	for _, v := range [...]uint32{crc, size, size} { // compressed and not
		dst = le.AppendUint32(dst, v)
	}
	dst = le.AppendUint16(dst, uint16(len(path)))
	return le.AppendUint16(dst, 0) // extra field
}

// appendCentral appends a part's entry of the central directory.
func appendCentral(dst []byte, path string, crc, size, offset uint32) []byte {
	le := binary.LittleEndian
	dst = le.AppendUint32(dst, centralMark)
	dst = le.AppendUint16(dst, stored) // made by
	dst = appendCommon(dst, path, crc, size)
	for range 3 { // comment, disk, internal attributes
		dst = le.AppendUint16(dst, 0)
	}
	dst = le.AppendUint32(dst, 0) // external attributes
	dst = le.AppendUint32(dst, offset)
	return append(dst, path...)
}

func appendEnd(dst []byte, parts int, size, offset uint32) []byte {
	le := binary.LittleEndian
	dst = le.AppendUint32(dst, endMark)
	for _, v := range [...]uint16{0, 0, uint16(parts), uint16(parts)} {
		dst = le.AppendUint16(dst, v)
	}
	dst = le.AppendUint32(dst, size)
	dst = le.AppendUint32(dst, offset)
	return le.AppendUint16(dst, 0) // comment
}

// writeZip writes parts, which must be in the ascending order of their paths.
func writeZip(parts []Part) []byte {
	size := endSize
	for i := range parts {
		size += localSize + centralSize + 2*len(parts[i].Path) + len(parts[i].Data)
	}
	out := make([]byte, 0, size)
	var directory []byte
	for i := range parts {
		p := &parts[i]
		crc, n := crc32.ChecksumIEEE(p.Data), uint32(len(p.Data))
		directory = appendCentral(directory, p.Path, crc, n, uint32(len(out)))
		out = append(appendLocal(out, p.Path, crc, n), p.Data...)
	}
	start := uint32(len(out))
	return appendEnd(append(out, directory...), len(parts), uint32(len(directory)), start)
}

// header is what a header of the file says of a part.
type header struct {
	path      string
	crc, size uint32
	offset    int // of the local header
}

func (h *header) dataAt() int { return h.offset + localSize + len(h.path) }

func (h *header) end() int { return h.dataAt() + int(h.size) }

// readHeader reads what both kinds of header have in common, from the version needed on. tail is where the path begins.
func readHeader(b []byte, tail int) (h header, ok bool) {
	le := binary.LittleEndian
	if len(b) < tail {
		return h, false
	}
	h.crc, h.size = le.Uint32(b[10:]), le.Uint32(b[18:])
	n := int(le.Uint16(b[22:]))
	if len(b) < tail+n || h.size > MaxSize {
		return h, false
	}
	h.path = string(b[tail : tail+n])
	return h, true
}

// walkLocal follows the local headers from the first byte on. It returns the headers that have the one form, and at
// where the first byte stands that no such header begins with.
func walkLocal(b []byte) (found []header, at int) {
	for len(found) <= maxBatchParts {
		h, ok := readHeader(b[min(at+4, len(b)):], localSize-4)
		h.offset = at
		if !ok || h.end() > len(b) || !bytes.HasPrefix(b[at:], appendLocal(nil, h.path, h.crc, h.size)) {
			break
		}
		found = append(found, h)
		at = h.end()
	}
	return found, at
}

// readCentral reads the central directory from the end of the file. ok says that end record and directory have the one
// form and describe a file of this length.
func readCentral(b []byte) (found []header, ok bool) {
	le := binary.LittleEndian
	if len(b) < endSize {
		return nil, false
	}
	end := b[len(b)-endSize:]
	n, size, start := int(le.Uint16(end[10:])), le.Uint32(end[12:]), le.Uint32(end[16:])
	if n > maxBatchParts || int64(start)+int64(size)+endSize != int64(len(b)) || !bytes.Equal(end, appendEnd(nil, n, size, start)) {
		return nil, false
	}
	rest, next := b[start:len(b)-endSize], 0
	for range n {
		h, ok := readHeader(rest[min(6, len(rest)):], centralSize-6)
		h.offset = next
		entry := appendCentral(nil, h.path, h.crc, h.size, uint32(next))
		if !ok || !bytes.HasPrefix(rest, entry) {
			return nil, false
		}
		found = append(found, h)
		rest, next = rest[len(entry):], h.end()
	}
	return found, len(rest) == 0 && next == int(start)
}

// unpacked is a file taken apart.
type unpacked struct {
	parts  []header
	faults []Finding // of the container
}

// unpack takes a file apart. Two descriptions of it stand in the file: the local headers from the front, the central
// directory from the back. A part is found by either one; where both are damaged, the file cannot be taken apart.
func unpack(b []byte) unpacked {
	local, at := walkLocal(b)
	central, whole := readCentral(b)
	switch {
	case whole && len(local) == len(central) && len(local) > 0:
		return arbitrate(b, local, central)
	case whole:
		return unpacked{central, compareLocal(b, central)}
	case len(local) > 0:
		return unpacked{local, []Finding{compareDirectory(b, local, at)}}
	}
	if n := prepended(b); n > 0 {
		if parts, ok := readCentral(b[n:]); ok {
			for i := range parts {
				parts[i].offset += n
			}
			return unpacked{parts, []Finding{{Part: containerPart, Code: CodePrepended, What: fmt.Sprintf("%d bytes stand before the beginning of the bundle", n)}}}
		}
	}
	return unpacked{nil, []Finding{{Part: containerPart, Offset: int64(at), Code: CodeNoBundle, What: "neither the beginning nor the end is that of a bundle"}}}
}

// arbitrate decides where headers and directory are both of the one form and say different things: the check sum that
// fits the content is right, and the name that the manifest lists.
func arbitrate(b []byte, local, central []header) (out unpacked) {
	var names map[string]bool
	next := 0 // where the next entry of the directory begins, after the last part
	for i := range local {
		next = max(next, local[i].end())
	}
	for i := range local {
		l, c := &local[i], &central[i]
		right, length := *c, centralSize+len(c.path)
		if *l != *c {
			if names == nil {
				names = namesOf(b, local, central)
			}
			fault := Finding{Offset: int64(l.offset), Code: CodeHeader, What: "the header before the part is not the one that the directory describes"}
			fitsLocal := l.path == c.path || names[l.path]
			if fitsLocal && (l.crc == c.crc || crc32.ChecksumIEEE(b[l.dataAt():l.end()]) == l.crc) {
				right = *l
				fault = Finding{Offset: int64(next), Code: CodeDirectory, What: "the entry of the directory is not the one that the part calls for"}
			}
			fault.Part = right.path
			out.faults = append(out.faults, fault)
		}
		next += length
		out.parts = append(out.parts, right)
	}
	return out
}

// namesOf lists the names that a bundle's manifest knows, signed or not; either description may find the manifest.
func namesOf(b []byte, descriptions ...[]header) map[string]bool {
	names := map[string]bool{ManifestPath: true, SignaturePath: true, StampPath: true}
	for _, headers := range descriptions {
		for i := range headers {
			if h := &headers[i]; h.path == ManifestPath && h.end() <= len(b) {
				var m Manifest
				if json.Unmarshal(b[h.dataAt():h.end()], &m) == nil {
					for _, e := range m.Parts {
						names[e.Path] = true
					}
				}
			}
		}
	}
	return names
}

// prepended returns by how many bytes the file is longer than its end record says.
func prepended(b []byte) int {
	if len(b) < endSize {
		return 0
	}
	end := b[len(b)-endSize:]
	n := int64(len(b)) - endSize - int64(binary.LittleEndian.Uint32(end[12:])) - int64(binary.LittleEndian.Uint32(end[16:]))
	return int(max(n, 0))
}

// compareLocal compares the local headers with those that the directory calls for.
func compareLocal(b []byte, parts []header) (out []Finding) {
	for i := range parts {
		h := &parts[i]
		want := appendLocal(nil, h.path, h.crc, h.size)
		got := b[h.offset:min(h.offset+len(want), len(b))]
		if at := firstDifference(got, want); at >= 0 {
			out = append(out, Finding{Part: h.path, Offset: int64(h.offset + at), Code: CodeHeader, What: "the header before the part is not the one that the directory describes"})
		}
	}
	return out
}

// compareDirectory says where the bytes after the parts are not the directory that the parts call for.
func compareDirectory(b []byte, parts []header, at int) Finding {
	rest, done := b[at:], 0
	for i := range parts {
		h := &parts[i]
		want := appendCentral(nil, h.path, h.crc, h.size, uint32(h.offset))
		if d := firstDifference(rest[min(done, len(rest)):], want); d >= 0 {
			// A damaged header ends the walk too early: then the next bytes are no directory at all.
			if i == 0 && d < 4 && bytes.HasPrefix(rest, binary.LittleEndian.AppendUint32(nil, localMark)) {
				return Finding{Part: containerPart, Offset: int64(at), Code: CodeHeader, What: "the header of the part after " + h.last(parts) + " does not hold, nor does the directory"}
			}
			return Finding{Part: h.path, Offset: int64(at + done + d), Code: CodeDirectory, What: "the entry of the directory is not the one that the part calls for"}
		}
		done += len(want)
	}
	want := appendEnd(nil, len(parts), uint32(done), uint32(at))
	if d := firstDifference(rest[done:], want); d >= 0 {
		return Finding{Part: containerPart, Offset: int64(at + done + d), Code: CodeDirectory, What: "the end record is not the one that the parts call for"}
	}
	return Finding{Part: containerPart, Offset: int64(at + done + len(want)), Code: CodeTrailing, What: fmt.Sprintf("%d bytes stand after the end of the bundle", len(rest)-done-len(want))}
}

// last returns the path of the last of the parts.
func (h *header) last(parts []header) string { return parts[len(parts)-1].path }

// firstDifference returns the first place where got, as long as want, differs; -1 = nowhere.
func firstDifference(got, want []byte) int {
	for i := range want {
		if i >= len(got) || got[i] != want[i] {
			return i
		}
	}
	return -1
}
