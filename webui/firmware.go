package webui

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/a-h/templ"

	"monban/gateway"
	"monban/gateway/people"
	"monban/gateway/text"
	"monban/webui/view"
)

const (
	firmwarePath = "/firmware"
	uploadPath   = "/firmware/file"
)

// firmwareRoutes are the page about the box's own software.
func firmwareRoutes() []route {
	const get, post = http.MethodGet, http.MethodPost
	return []route{
		{get, firmwarePath, people.ActRead, (*visit).firmware},
		{post, "/firmware/check", people.ActBringUpdate, (*visit).checkFirmware},
		{post, uploadPath, people.ActBringUpdate, (*visit).uploadFirmware},
		{post, "/firmware/approve", people.ActApproveUpdate, (*visit).approveFirmware},
		{post, "/firmware/hurry", people.ActApproveUpdate, (*visit).hurryFirmware},
		{post, "/firmware/cancel", people.ActBringUpdate, (*visit).cancelFirmware},
		{post, "/firmware/seen", people.ActApproveUpdate, (*visit).seeFirmware},
	}
}

func (v *visit) firmware() error { return v.firmwarePage(nil, false) }

// firmwarePage draws the page; a fault is one of its forms that came back.
func (v *visit) firmwarePage(fault error, sure bool, fields ...string) error {
	f, err := v.Gateway.Firmware(v.r.Context(), v.who)
	if err != nil {
		return err
	}
	p, st := v.frameStatus("page.firmware.title")
	m := v.firmwareModel(f, st, sure)
	if fault == nil && (f.Busy != "" || f.Trial) {
		p.Reload, m.Every = "10", paceSlow
	}
	draw := func(p view.Page) templ.Component { return view.FirmwarePage(p, m) }
	if fault != nil {
		return v.again(fault, p, draw, fields...)
	}
	return v.show(http.StatusOK, draw(p))
}

func (v *visit) firmwareModel(f gateway.Firmware, st gateway.Status, sure bool) view.Firmware {
	m := view.Firmware{Slots: f.Slots, Now: []view.Fact{{Name: v.say("page.firmware.version"), Value: plainTo(f.Version, 40), Code: true}}}
	if st.Box != "" {
		m.Now = append(m.Now, view.Fact{Name: v.say("page.firmware.box"), Value: plainTo(st.Box, 64), Code: true, More: v.say("page.firmware.box_means")})
	}
	if !f.Slots {
		m.Means = v.say("page.firmware.no_slots")
		return m
	}
	if f.Mute != nil {
		m.Notes = append(m.Notes, view.Note{Level: view.Caution, Text: v.say("gateway.firmware_mute") + " " + v.sentence(f.Mute)})
	} else {
		m.Now, m.Means = append(m.Now, v.slotFacts(f)...), v.say("page.firmware.means_kept")
		if f.Trial {
			m.Means = v.say("page.firmware.means_trial")
		}
	}
	if f.Busy != "" {
		m.Notes = append(m.Notes, view.Note{Level: view.Info, Text: v.say("page.firmware.busy." + f.Busy)})
	}
	if f.Armed != "" {
		m.Notes = append(m.Notes, view.Note{Level: view.Caution, Text: v.say("gateway.firmware_armed", "version", plainTo(f.Armed, 40))})
	}
	if f.Failed != nil {
		m.Notes = append(m.Notes, view.Note{Level: view.Caution, Text: v.say("page.firmware.failed", "at", v.when(f.FailedAt)) + " " + v.sentence(f.Failed)})
	}
	if f.Fallen != nil {
		m.Fall = &view.Fall{Seen: v.who.May(people.ActApproveUpdate), Note: view.Note{Level: view.Caution,
			Text: v.say("page.firmware.fallen", "from", plainTo(f.Fallen.From, 40), "to", plainTo(f.Fallen.To, 40), "at", v.when(f.Fallen.At))}}
		for _, why := range f.Fallen.Why {
			m.Fall.Why = append(m.Fall.Why, v.sentence(why))
		}
	}
	m.News = v.say("page.firmware.none")
	if f.Offer != nil {
		m.Offer = v.firmwareOffer(f, *f.Offer, st, sure)
		m.News = m.Offer.State
	}
	m.Check = v.checkFacts(f)
	m.Ask = v.who.May(people.ActBringUpdate)
	if m.Ask {
		m.Upload = v.say("page.firmware.file_hint", "mb", gateway.MaxUpdate>>20)
	}
	return m
}

// sentence is a fault as the reader is told.
func (v *visit) sentence(f *text.Fault) string { return v.lang.Say(f.Code, v.shown(f.Args)) }

func (v *visit) slotFacts(f gateway.Firmware) []view.Fact {
	state := view.Fact{Name: v.say("page.firmware.state"), Level: "good", Value: v.say("page.firmware.committed")}
	if f.Trial {
		state.Level, state.Value = "info", v.say("page.firmware.trial")
	}
	other := view.Fact{Name: v.say("page.firmware.other"), Value: plainTo(f.Other, 40), Code: true}
	if f.Other == "" {
		other.Value, other.Code = v.say("page.firmware.other_none"), false
	}
	return []view.Fact{state, {Name: v.say("page.firmware.slot"), Value: v.say("page.firmware.slot_n", "slot", strings.ToUpper(plainTo(f.Slot, 1)))}, other}
}

func (v *visit) checkFacts(f gateway.Firmware) []view.Fact {
	if f.Host == "" {
		return nil
	}
	facts := []view.Fact{
		{Name: v.say("page.firmware.address"), Value: plainTo(f.Host, 253)},
		{Name: v.say("page.firmware.checked"), Value: v.when(f.Checked)},
	}
	if f.Error != nil {
		facts = append(facts, view.Fact{Name: v.say("page.firmware.tried"), Value: v.when(f.Tried), More: v.sentence(f.Error)})
	}
	return append(facts, view.Fact{Name: v.say("page.firmware.night"), Value: v.say("page.firmware.night_n", "from", clockTime(f.From), "to", clockTime(f.To))})
}

// clockTime writes a time of day given in minutes.
func clockTime(minutes int) string { return fmt.Sprintf("%02d:%02d", minutes/60, minutes%60) }

func (v *visit) firmwareOffer(f gateway.Firmware, o gateway.FirmwareOffer, st gateway.Status, sure bool) *view.Offer {
	m := &view.Offer{Version: plainTo(o.Version, 40), Sum: plain(o.Sum), Level: "caution", State: v.say("page.firmware.waiting")}
	fact := func(code, value string) {
		m.Facts = append(m.Facts, view.Fact{Name: v.say(code), Value: value})
	}
	m.Facts = append(m.Facts, view.Fact{Name: v.say("page.firmware.version"), Value: m.Version, Code: true})
	fact("page.firmware.made", v.day(o.Made))
	fact("page.firmware.size", v.say("page.firmware.size_n", "mb", number((o.Size+1<<20-1)>>20)))
	if o.File {
		fact("page.firmware.source", v.say("page.firmware.by_upload", "name", v.named(o.By), "at", v.when(o.At)))
	} else {
		fact("page.firmware.source", v.say("page.firmware.online", "host", plainTo(f.Host, 253), "at", v.when(o.At)))
	}
	fact("page.firmware.trust", v.say("page.firmware.signed"))
	if o.Fell {
		m.Fell = v.say("page.firmware.fell")
	}
	m.Notes = paragraphs(o.Notes[string(v.lang)])
	boss := v.who.May(people.ActApproveUpdate)
	if o.Approved.IsZero() {
		if m.Only = v.say("page.firmware.only_director"); boss {
			m.Only = ""
			m.Approve = &view.Confirm{Fresh: v.fresh(), Means: v.say("page.firmware.approve_means", "from", clockTime(f.From), "to", clockTime(f.To))}
		}
		if o.File && v.who.May(people.ActBringUpdate) {
			m.Cancel = v.say("page.firmware.drop")
		}
		return m
	}
	m.Level, m.State = "good", v.say("page.firmware.approved")
	fact("page.firmware.approved_by", v.say("page.firmware.by_at", "name", v.named(o.Approver), "at", v.when(o.Approved)))
	next := v.say("page.firmware.next_unsynced")
	if !f.Next.IsZero() {
		next = v.say("page.firmware.next_n", "at", v.when(f.Next))
	}
	fact("page.firmware.next", next)
	if boss && f.Busy != "restarting" {
		m.Hurry = &view.Confirm{Fresh: v.fresh(), Means: v.say("page.firmware.hurry_means"), Sure: sure}
		if len(st.Open) > 0 {
			m.Hurry.Shut = v.say("page.firmware.open")
		}
		m.Cancel = v.say("page.firmware.cancel")
	}
	return m
}

// maxParagraphs bounds what strangers' notes take of the page.
const maxParagraphs = 40

// paragraphs are the lines of what strangers wrote, fit to be shown.
func paragraphs(s string) (out []string) {
	for line := range strings.Lines(s) {
		if line = strings.TrimSpace(prose(line)); line == "" {
			continue
		}
		if out = append(out, line); len(out) == maxParagraphs {
			return append(out, "…")
		}
	}
	return out
}

// day writes a date: 2026年11月21日, or the same in English.
func (v *visit) day(t time.Time) string {
	t = t.In(v.Zone())
	if v.lang == text.EN {
		return t.Format("2 Jan 2006")
	}
	return fmt.Sprintf("%d年%d月%d日", t.Year(), t.Month(), t.Day())
}

// firmwareHealth is the line of the first page about the version.
func (v *visit) firmwareHealth(st gateway.Status) view.Fact {
	f := view.Fact{Name: v.say("page.health.firmware"), Value: plainTo(st.Version, 40), URL: firmwarePath, More: v.say("page.health.firmware_unslotted")}
	switch {
	case st.Trial:
		f.More = v.say("page.health.firmware_trial")
	case st.Slots:
		f.More = v.say("page.health.firmware_kept")
	}
	return f
}

func (v *visit) checkFirmware() error {
	if err := v.Gateway.CheckFirmware(v.r.Context(), v.who); err != nil {
		return err
	}
	v.tell(view.Good, "page.firmware.checking")
	return v.to(firmwarePath)
}

// Bounds of a file on its way: from a computer on a weak wireless LAN.
const (
	uploadWithin = 15 * time.Minute
	formAround   = 64 << 10 // what a form adds to its file
)

// uploadFirmware takes a file in as it comes, without keeping it in memory.
func (v *visit) uploadFirmware() error {
	late := time.Now().Add(uploadWithin)
	if err := http.NewResponseController(v.w).SetReadDeadline(late); err != nil {
		v.Log.Debug("no more time for a file", "err", err)
	}
	parts, err := v.r.MultipartReader()
	if err != nil {
		return text.NewFault("page.bad_form").Because(err)
	}
	var o gateway.FirmwareOffer
	for {
		part, e := parts.NextPart()
		if errors.Is(e, io.EOF) {
			err = text.NewFault("firmware.no_file").On("file")
		} else if e != nil {
			err = text.NewFault("firmware.upload_cut").On("file").Because(e)
		} else if part.FormName() != "file" {
			continue
		} else if o, err = v.Gateway.UploadFirmware(v.r.Context(), v.who, part); err == nil {
			v.tell(view.Good, "page.firmware.uploaded", "version", plainTo(o.Version, 40))
			return v.to(firmwarePath)
		}
		return v.firmwarePage(onField(err, "file"), false, "file")
	}
}

func (v *visit) approveFirmware() error {
	who, err := v.second()
	if err == nil {
		f, e := v.Gateway.Firmware(v.r.Context(), v.who) // for its name in the answer
		if err = v.Gateway.ApproveFirmware(v.r.Context(), who, v.r.PostForm.Get("sum")); err == nil {
			if e == nil && f.Offer != nil {
				v.tell(view.Good, "page.firmware.approved_now", "version", plainTo(f.Offer.Version, 40))
			}
			return v.to(firmwarePath)
		}
	}
	return v.firmwarePage(err, false, "totp")
}

func (v *visit) hurryFirmware() error {
	sure := v.r.PostForm.Get("sure") == "yes"
	var err error
	if !sure {
		err = text.NewFault("firmware.sure").On("sure")
	}
	who := v.who
	if err == nil {
		who, err = v.second()
	}
	if err == nil {
		f, e := v.Gateway.Firmware(v.r.Context(), v.who)
		if err = v.Gateway.HurryFirmware(v.r.Context(), who, v.r.PostForm.Get("sum")); err == nil {
			if e == nil && f.Offer != nil {
				v.tell(view.Info, "page.firmware.hurrying", "version", plainTo(f.Offer.Version, 40))
			}
			return v.to(firmwarePath)
		}
	}
	return v.firmwarePage(err, sure, "sure", "totp")
}

func (v *visit) cancelFirmware() error {
	f, err := v.Gateway.Firmware(v.r.Context(), v.who)
	if err != nil {
		return err
	}
	if err := v.Gateway.CancelFirmware(v.r.Context(), v.who, v.r.PostForm.Get("sum")); err != nil {
		return v.firmwarePage(err, false)
	}
	code := "page.firmware.dropped"
	if f.Offer != nil && !f.Offer.Approved.IsZero() {
		code = "page.firmware.cancelled"
	}
	v.tell(view.Good, code)
	return v.to(firmwarePath)
}

func (v *visit) seeFirmware() error {
	if err := v.Gateway.SeeFirmware(v.r.Context(), v.who); err != nil {
		return v.firmwarePage(err, false)
	}
	v.tell(view.Good, "page.firmware.seen_done")
	return v.to(firmwarePath)
}
