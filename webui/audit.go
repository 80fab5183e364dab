package webui

import (
	"net/http"
	"strconv"

	"monban/gateway"
	"monban/gateway/people"
	"monban/webui/view"
)

func (v *visit) audit() error {
	p, st := v.frameStatus("page.nav.audit")
	before := v.before()
	lines, err := v.Gateway.Audit(v.r.Context(), v.who, before, perPage)
	if err != nil {
		return err
	}
	m := view.Audit{Newest: before == 0, CanCheck: true, Head: headOf(st.AuditHead, st.AuditCount)}
	for _, l := range lines {
		m.Lines = append(m.Lines, v.line(l))
	}
	if n := len(lines); n == perPage && lines[n-1].Seq > 1 {
		m.Older = "/audit?before=" + strconv.FormatUint(lines[n-1].Seq, 10)
	}
	return v.show(http.StatusOK, view.AuditPage(p, m))
}

// line puts a line of the log into words. A code nobody wrote a sentence for
// is shown as it is, so that nothing is hidden.
func (v *visit) line(l gateway.AuditLine) view.Line {
	out := view.Line{
		Seq: v.say("page.audit.seq", "n", number(l.Seq)), At: v.when(l.At), Who: plain(l.Who),
		Text: v.lang.Say(l.Code, v.shown(l.Args)), Hash: short(l.Hash),
	}
	if l.Role != string(people.System) {
		out.Who += v.say("page.role_in", "role", v.role(people.Role(l.Role)))
	}
	if l.Via == "socket" {
		out.Who += v.say("page.audit.via_socket")
	}
	if !l.Synced {
		out.Unsure = v.say("page.unsynced")
	}
	return out
}

// short is the beginning of a hash, enough to compare by eye.
func short(hash string) string {
	if len(hash) > 12 {
		return hash[:12]
	}
	return plain(hash)
}

// headOf is the log's head as it is printed and compared: HEAD:COUNT.
func headOf(head string, count uint64) string {
	if head == "" {
		return "-"
	}
	return head + ":" + strconv.FormatUint(count, 10)
}

func (v *visit) checkAudit() error {
	c, err := v.Gateway.CheckAudit(v.r.Context(), v.who)
	if err != nil {
		return err
	}
	if c.Bad != 0 || c.Why != "" {
		v.tell(view.Danger, firstOf(c.Why, "page.audit.bad"), "line", number(c.Bad))
	} else {
		v.tell(view.Good, "page.audit.good", "n", number(c.Count), "at", v.when(c.At))
	}
	return v.to("/audit")
}
