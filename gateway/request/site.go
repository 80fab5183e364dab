package request

import (
	"encoding/hex"
	"slices"
	"strings"

	"monban/gateway/text"
)

// siteSigns is the length of a site's id: 35 bits and a check sign.
const siteSigns = 8

// SiteID returns the short name of the box whose certificate authority has the
// given SHA-256 fingerprint (hex, colons allowed), as ABCD-EFGH; "" if that is
// no fingerprint. It keeps a request for one clinic from being taken for
// another's. It is no secret and no proof: a box could be made that has the
// same, and then still wants the vendor's key, his range and an approver.
func SiteID(fingerprint string) string {
	raw, err := hex.DecodeString(strings.ReplaceAll(fingerprint, ":", ""))
	if err != nil || len(raw) != 32 {
		return ""
	}
	signs := split(raw)[:siteSigns-1]
	return grouped(append(signs, check32(0, signs)), "-")
}

// ParseSite reads a site's id as people type it and returns it as SiteID
// writes it. The error is a Fault.
func ParseSite(s string) (string, error) {
	bad := text.NewFault("request.bad_site", "site", s)
	if len(s) > 64 {
		return "", bad
	}
	signs := fold(s)
	if len(signs) != siteSigns || slices.Contains(signs, foreign) ||
		signs[siteSigns-1] != check32(0, signs[:siteSigns-1]) {
		return "", bad
	}
	return grouped(signs, "-"), nil
}
