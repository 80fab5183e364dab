package webui_test

import (
	"context"
	"io"
	"time"

	"monban/gateway"
	"monban/gateway/people"
	"monban/gateway/text"
	"monban/gateway/window"
)

// firmSide is what the fake knows of the box's own software.
type firmSide struct {
	firm gateway.Firmware
	sent int64 // bytes of the last file
}

// firmFake is busyFake without an open window, as an image in slot A with a
// newer version on offer.
func firmFake() *fake {
	f := busyFake()
	f.notes = nil
	f.list = f.list[:3]
	at := f.now()
	f.firm = gateway.Firmware{Version: "0.1.0", Slots: true, Slot: "a", Other: "0.0.9", Host: "updates.example.com",
		Checked: at.Add(-3 * time.Hour), Tried: at.Add(-3 * time.Hour), From: 120, To: 240, Next: at.Add(6 * time.Hour), Offer: newerFirmware(f)}
	return f
}

func newerFirmware(f *fake) *gateway.FirmwareOffer {
	return &gateway.FirmwareOffer{Version: "0.2.0", Sum: "00ff", Made: f.now().Add(-48 * time.Hour), Size: 87_654_321, At: f.now().Add(-3 * time.Hour),
		Notes: map[string]string{"ja": "名前の検査を速くしました。\n- 起動が 3 秒短くなります。\n- 鍵の有効期限が切れる前に知らせます。", "en": "The name filter is faster.\n- Starts 3 seconds sooner."}}
}

func (f *fake) Firmware(context.Context, people.Actor) (gateway.Firmware, error) { return f.firm, nil }

func (f *fake) CheckFirmware(context.Context, people.Actor) error {
	f.acts++
	f.firm.Busy = "checking"
	return nil
}

func (f *fake) UploadFirmware(_ context.Context, who people.Actor, file io.Reader) (gateway.FirmwareOffer, error) {
	n, err := io.Copy(io.Discard, file)
	switch f.sent = n; {
	case err != nil:
		return gateway.FirmwareOffer{}, text.NewFault("firmware.upload_cut").On("file").Because(err)
	case n == 0:
		return gateway.FirmwareOffer{}, text.NewFault("firmware.no_file").On("file")
	case n > gateway.MaxUpdate:
		return gateway.FirmwareOffer{}, text.NewFault("firmware.too_big", "mb", gateway.MaxUpdate>>20).On("file")
	}
	f.acts++
	f.firm.Offer = newerFirmware(f)
	f.firm.Offer.File, f.firm.Offer.By = true, who
	return *f.firm.Offer, nil
}

func (f *fake) offered(who people.Actor, sum string) error {
	if !who.SteppedUpWithin(window.StepUp, f.now()) {
		return text.NewFault("people.step_up").On("totp")
	}
	if f.firm.Offer == nil || f.firm.Offer.Sum != sum {
		return text.NewFault("firmware.changed")
	}
	return nil
}

func (f *fake) ApproveFirmware(_ context.Context, who people.Actor, sum string) error {
	if err := f.offered(who, sum); err != nil {
		return err
	}
	f.acts++
	f.firm.Offer.Approver, f.firm.Offer.Approved = who, f.now()
	return nil
}

func (f *fake) HurryFirmware(_ context.Context, who people.Actor, sum string) error {
	if err := f.offered(who, sum); err != nil {
		return err
	}
	f.acts++
	f.firm.Busy = "installing"
	return nil
}

func (f *fake) CancelFirmware(_ context.Context, _ people.Actor, sum string) error {
	if f.firm.Offer == nil || f.firm.Offer.Sum != sum {
		return text.NewFault("firmware.changed")
	}
	f.acts++
	if f.firm.Offer.Approved.IsZero() {
		f.firm.Offer = nil
		return nil
	}
	back := *f.firm.Offer // the page asked for the other one before
	back.Approver, back.Approved = people.Actor{}, time.Time{}
	f.firm.Offer = &back
	return nil
}

func (f *fake) SeeFirmware(context.Context, people.Actor) error {
	if f.firm.Fallen == nil {
		return text.NewFault("firmware.changed")
	}
	f.acts++
	f.firm.Fallen = nil
	return nil
}
