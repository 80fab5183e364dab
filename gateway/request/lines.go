package request

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"fmt"
	"slices"
	"strings"

	"monban/gateway/text"
)

// The text of a request is this word and a 1, then the bytes in lines of 23
// signs and a check sign, each with its number in front. The numbers are for
// people, and for Parse to find a line that is missing; it does without.
const (
	header    = "MONBAN-REQUEST"
	lineSigns = 24
	maxPaste  = 64 << 10 // a mail with all it quotes
)

// Text returns the request as Sign wrote it.
func (s Signed) Text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %d\n", header, version)
	for i, line := range s.lines() {
		fmt.Fprintf(&b, "%2d. %s\n", i+1, grouped(line, " "))
	}
	return b.String()
}

// QR returns the request on one line, without what only people need, in the
// signs a QR code holds best. Parse reads it as well.
func (s Signed) QR() string {
	return fmt.Sprintf("%s %d %s", header, version, grouped(slices.Concat(s.lines()...), ""))
}

func (s Signed) lines() (lines [][]byte) {
	for line := range slices.Chunk(split(slices.Concat(s.body, s.signature)), lineSigns-1) {
		lines = append(lines, append(slices.Clone(line), check32(len(lines)+1, line)))
	}
	return lines
}

// Parse reads a request out of a text: a mail, also quoted, wrapped and with
// greetings around it, a QR code, or what somebody wrote down on the
// telephone. Of several it reads the first. It does not verify the signature.
// The error is a Fault; request.bad_line names the first line that is wrong,
// missing or out of place.
func Parse(s string) (Signed, error) {
	rows, found, err := readRows(s, header)
	switch {
	case err != nil:
		return Signed{}, text.NewFault("request.none").Because(err)
	case found:
		if first := &rows[0]; len(first.signs) > 0 {
			if first.signs[0] != version {
				return Signed{}, text.NewFault("request.version")
			}
			first.signs = first.signs[1:]
		}
		signed, _, err := read(rows)
		return signed, err
	}
	// Without the first line any other may be the beginning.
	best, why := 0, error(text.NewFault("request.none"))
	for i := range rows {
		signed, good, err := read(rows[i:])
		if err == nil {
			return signed, nil
		}
		if rows[i].label == 1 && len(rows[i].signs) > lineSigns/2 {
			good++ // a first line, if a misread one
		}
		if good > best {
			best, why = good, err
		}
	}
	return Signed{}, why
}

// read reads a request that begins with rows. good is how many of its lines
// are right.
func read(rows []row) (s Signed, good int, err error) {
	bad := func(line int) error { return text.NewFault("request.bad_line", "line", line) }
	signs, _ := assemble(rows, lineSigns) // most beginnings are none
	if len(signs) < lineSigns || check32(1, signs[:lineSigns-1]) != signs[lineSigns-1] {
		return s, 0, bad(1)
	}
	// The first line says how long the whole is.
	begin := join(signs[:lineSigns-1])
	if begin[0] != version {
		return s, 0, text.NewFault("request.version")
	}
	bodyLen := int(begin[1])
	data := signsFor(bodyLen + ed25519.SignatureSize)
	lines := (data + lineSigns - 2) / (lineSigns - 1)
	signs, misplaced := assemble(rows, data+lines)
	all := make([]byte, 0, data)
	for line := 1; line <= lines; line++ {
		from, to := (line-1)*lineSigns, min(line*lineSigns, data+lines)
		switch {
		case to <= len(signs):
		case misplaced > 0:
			return s, good, bad(misplaced)
		case from < len(signs):
			return s, good, bad(line)
		default:
			return s, good, text.NewFault("request.cut_short", "have", good, "want", lines)
		}
		if check32(line, signs[from:to-1]) != signs[to-1] {
			return s, good, bad(line)
		}
		all, good = append(all, signs[from:to-1]...), line
	}
	raw := join(all)
	s.body, s.signature = raw[:bodyLen], raw[bodyLen:]
	if !bytes.Equal(split(raw), all) {
		return Signed{}, good, text.NewFault("request.broken").Because(errors.New("the last sign is not filled up with zeros"))
	}
	if s.Request, err = decode(s.body); err != nil {
		return Signed{}, good, text.NewFault("request.broken").Because(err)
	}
	return s, good, nil
}

// assemble joins the signs of rows, wherever lines were broken, until there
// are n. It stops at a row whose number does not fit its place, and returns
// the line that is wrong then: too short, too long or missing.
func assemble(rows []row, n int) (signs []byte, misplaced int) {
	for _, r := range rows {
		if len(signs) >= n {
			break
		}
		if at := len(signs); r.label > 0 && at != (r.label-1)*lineSigns {
			if at%lineSigns != 0 && r.label > 1 { // the row before is too short or too long
				return signs, min(at/lineSigns+1, r.label-1)
			}
			return signs, at/lineSigns + 1
		}
		signs = append(signs, r.signs...)
	}
	return signs, 0
}

// A row is a line of a text that holds nothing but signs; label is the number
// in front of them, 0 if none.
type row struct {
	label int
	signs []byte
}

// readRows returns the rows of s from the word on, the rest of whose line is
// the first, or all of them if the word is not there. Other lines are
// greetings.
func readRows(s, word string) (rows []row, found bool, err error) {
	if len(s) > maxPaste {
		return nil, false, fmt.Errorf("%d bytes are too many to look through", len(s))
	}
	begin := fold(word)
	for line := range strings.Lines(s) {
		if !found {
			signs := fold(line)
			if i := bytes.Index(signs, begin); i >= 0 {
				signs = signs[i+len(begin):]
				if end := bytes.IndexByte(signs, foreign); end >= 0 {
					signs = signs[:end]
				}
				rows, found = []row{{signs: signs}}, true
				continue
			}
		}
		label, rest := cutLabel(strings.TrimLeft(line, " \t\u3000>＞|"))
		if signs := fold(rest); len(signs) > 0 && !slices.Contains(signs, foreign) {
			rows = append(rows, row{label, signs})
		}
	}
	return rows, found, nil
}

// cutLabel cuts the number of a line off its front: one or two digits and a
// full stop, or what becomes of one.
func cutLabel(line string) (label int, rest string) {
	digits := 0
	for i, r := range line {
		switch v := sign(r); {
		case v < 10 && digits < 2:
			label, digits = 10*label+int(v), digits+1
		case v == nothing:
		case digits > 0 && strings.ContainsRune(".:),．：），。、", r):
			return label, line[i+len(string(r)):]
		default:
			return 0, line
		}
	}
	return 0, line
}
