package webui

import (
	"io"
	"strconv"

	"monban/gateway/paper"
)

// nameFile gives the questions that the filters want, as a file for a
// spreadsheet. It is a POST because it leaves a line in the log.
func (v *visit) nameFile() error {
	want, _ := v.nameQuery(v.r.PostForm)
	all, more, err := v.Gateway.ExportNames(v.r.Context(), v.who, want)
	if err != nil {
		return err
	}
	t := paper.Table{Head: []string{v.say("page.names.at"), v.say("page.names.device"), v.say("page.names.address"), v.say("page.names.name"), v.say("page.names.type"),
		v.say("page.names.verdict"), v.say("page.names.why"), v.say("page.why.list"), v.say("page.why.line"), v.say("page.why.alias"), v.say("page.why.tool")}}
	for _, r := range all {
		t.Rows = append(t.Rows, []string{r.At.In(v.Zone()).Format("2006-01-02 15:04:05"), plain(r.DeviceName), r.Client.String(), plainTo(r.Name, 253), plain(r.Type),
			v.verdictWord(r.Verdict), v.reasonWords(r.Reason), v.listTitle(r.List), rawLine(r.Line), plainTo(r.Via, 253), plain(r.Tool)})
	}
	if more {
		t.Rows = append(t.Rows, []string{v.say("page.names.file_more", "n", len(all))})
	}
	return v.hand(kindCSV, "monban-names.csv", func(to io.Writer) error { return paper.CSV(to, t) })
}

func (v *visit) verdictWord(verdict string) string {
	code := "page.names." + verdict
	if said := v.say(code); said != code {
		return said
	}
	return plain(verdict)
}

// rawLine is a line's number as a spreadsheet reads it.
func rawLine(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}
