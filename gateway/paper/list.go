package paper

import (
	"encoding/csv"
	"fmt"
	"io"
	"regexp"
	"strings"
)

// plainNumber is what counts as a number in a column of numbers.
var plainNumber = regexp.MustCompile(`^-?(0|[1-9][0-9]{0,14})(\.[0-9]{1,6})?$`)

// CSV writes t as RFC 4180 with the byte order mark that makes Excel in Japan
// read UTF-8. A cell that a spreadsheet would take for a formula gets an
// apostrophe before it (OWASP ASVS 5.0, 1.2.10): names come from the network.
func CSV(w io.Writer, t Table) error {
	if _, err := io.WriteString(w, "\uFEFF"); err != nil {
		return fmt.Errorf("writing the list: %w", err)
	}
	c := csv.NewWriter(w)
	c.UseCRLF = true
	line := func(r []string, number func(int) bool) error {
		out := make([]string, len(t.Head))
		for i := range out {
			s := harmless(cell(r, i), false)
			if !(number(i) && plainNumber.MatchString(s)) {
				s = unformula(s)
			}
			out[i] = s
		}
		if err := c.Write(out); err != nil {
			return fmt.Errorf("writing the list: %w", err)
		}
		return nil
	}
	if err := line(t.Head, func(int) bool { return false }); err != nil {
		return err
	}
	for _, r := range t.Rows {
		if err := line(r, t.right); err != nil {
			return err
		}
	}
	c.Flush()
	if err := c.Error(); err != nil {
		return fmt.Errorf("writing the list: %w", err)
	}
	return nil
}

// unformula makes s text. Excel takes the full-width signs for the narrow
// ones, and looks past spaces.
func unformula(s string) string {
	t := strings.TrimLeft(s, " \u3000")
	if t != "" && strings.ContainsRune("=+-@＝＋－＠", []rune(t)[0]) {
		return "'" + s
	}
	return s
}
