package request

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"slices"

	"monban/gateway/text"
)

// keyHeader begins the text of a public key.
const keyHeader = "MONBAN-KEY"

const (
	keySigns   = 52 // 256 bits, and 4 that are zero
	checkSigns = 4  // makes 14 groups; a slip passes once in a million
	printSigns = 16 // 80 bits: nobody finds a second key that has them
)

// NewKey makes a key for signing requests.
func NewKey() (ed25519.PrivateKey, error) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("making the key: %w", err)
	}
	return key, nil
}

// MarshalKey returns key as the PEM of a PKCS #8 key, as a file holds it.
func MarshalKey(key ed25519.PrivateKey) ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("writing the key: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}

// ParseKey reads what MarshalKey wrote, or another program that makes Ed25519
// keys (openssl genpkey). The error is a Fault.
func ParseKey(file []byte) (ed25519.PrivateKey, error) {
	block, _ := pem.Decode(file)
	if block == nil {
		return nil, text.NewFault("request.bad_key_file")
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, text.NewFault("request.bad_key_file").Because(err)
	}
	key, ok := parsed.(ed25519.PrivateKey)
	if !ok {
		return nil, text.NewFault("request.bad_key_file").Because(fmt.Errorf("it is a %T", parsed))
	}
	return key, nil
}

// PublicText is pub as it is sent, printed and read out: MONBAN-KEY and 14
// groups of four, the last of which checks the others.
func PublicText(pub ed25519.PublicKey) string {
	return keyHeader + " " + grouped(slices.Concat(split(pub), keyHash(pub, checkSigns)), " ")
}

// Fingerprint is a short form of pub to compare on the telephone.
func Fingerprint(pub ed25519.PublicKey) string {
	return grouped(keyHash(pub, keySigns)[checkSigns:checkSigns+printSigns], "-")
}

// keyHash returns the first n signs of a hash of pub.
func keyHash(pub ed25519.PublicKey, n int) []byte {
	sum := sha256.Sum256(append([]byte("monban key\n"), pub...))
	return split(sum[:])[:n]
}

// ParsePublic reads a public key as people paste and type it, also with text
// around it if it still has its first word. The error is the Fault
// request.bad_key.
func ParsePublic(s string) (ed25519.PublicKey, error) {
	bad := text.NewFault("request.bad_key")
	rows, _, err := readRows(s, keyHeader)
	if err != nil {
		return nil, bad.Because(err)
	}
	var signs []byte
	for _, r := range rows {
		signs = append(signs, r.signs...)
		if len(signs) >= keySigns+checkSigns {
			break // what follows is a greeting
		}
	}
	if len(signs) != keySigns+checkSigns {
		return nil, bad.Because(fmt.Errorf("%d signs are not %d", len(signs), keySigns+checkSigns))
	}
	pub := ed25519.PublicKey(join(signs[:keySigns]))
	if !bytes.Equal(signs, slices.Concat(split(pub), keyHash(pub, checkSigns))) {
		return nil, bad.Because(fmt.Errorf("a sign is wrong"))
	}
	if weak(pub) {
		return nil, bad.Because(fmt.Errorf("anybody can sign for this key"))
	}
	return pub, nil
}

// smallOrder are the y of the points of small order, and the ways to write
// them: for such a key anybody can make signatures (libsodium refuses the
// same).
const smallOrder = "" +
	"0000000000000000000000000000000000000000000000000000000000000000" +
	"0100000000000000000000000000000000000000000000000000000000000000" +
	"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05" +
	"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a" +
	"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f" +
	"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f" +
	"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"

func weak(pub ed25519.PublicKey) bool {
	y := slices.Clone(pub)
	y[31] &= 0x7f // the sign of x
	for rest := smallOrder; rest != ""; rest = rest[64:] {
		if rest[:64] == hex.EncodeToString(y) {
			return true
		}
	}
	return false
}
