package view

// SetUp is the first step of a new account.
type SetUp struct {
	Invited bool // by a person who is here already, not the first account
	Name    string
}

// Factor is the second step: the authenticator.
type Factor struct {
	Invited bool
	Own     bool   // another one, of somebody who has an account
	QRSize  string // modules on a side, with the quiet zone
	QRPath  string // SVG path of the dark modules
	Secret  string // in groups of four
	URL     string // otpauth:// link for a phone that shows this page itself
}

// SignIn is the door.
type SignIn struct {
	Name     string
	Recovery bool // by a recovery code
}

// Recovery is the sheet of recovery codes, shown until it is put away.
type Recovery struct {
	Who, At string
	Codes   []string
	Anew    bool // in the place of older ones, not at set-up
}

// back leads to the first step of the same way in.
func (f Factor) back() string {
	switch {
	case f.Own:
		return "/account"
	case f.Invited:
		return "/join"
	}
	return "/setup"
}

func (p Page) setUpHint(invited bool) string {
	if invited {
		return p.Say("page.setup.invite_hint")
	}
	return p.Say("page.setup.code_hint")
}
