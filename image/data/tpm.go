package main

import (
	"bytes"
	"errors"
	"fmt"
	"time"

	"github.com/google/go-tpm/tpm2"
	"github.com/google/go-tpm/tpm2/transport"
	"github.com/google/go-tpm/tpm2/transport/linuxtpm"
)

// The key is sealed to the TPM alone and to no state of the machine (PCR): it
// opens on this machine, whatever is started there. Nothing before our loader is
// checked where there is no secure boot, so whoever holds the whole machine can
// make the PCRs say what they like; binding the key to them would keep out
// nobody, and lock the clinic out after a change of the firmware or of its
// settings. What it does keep: a disk that is taken out, sold or thrown away
// cannot be read.

// openTPM waits a moment for the driver.
func openTPM(device string, wait time.Duration) (transport.TPMCloser, error) {
	for end := time.Now().Add(wait); ; time.Sleep(100 * time.Millisecond) {
		t, err := linuxtpm.Open(device)
		if err == nil || time.Now().After(end) {
			return t, err
		}
	}
}

// storageKey makes the storage root key, which is the same each time until the
// TPM is cleared (TCG TPM v2.0 Provisioning Guidance, section 7.5.1), and a
// session that hides from the wires between TPM and processor what is asked.
func storageKey(t transport.TPM, hide tpm2.AuthOption) (key tpm2.AuthHandle, done func(), err error) {
	rsp, err := tpm2.CreatePrimary{PrimaryHandle: tpm2.TPMRHOwner, InPublic: tpm2.New2B(tpm2.ECCSRKTemplate)}.Execute(t)
	if err != nil {
		return key, nil, fmt.Errorf("making the TPM's storage key: %w", err)
	}
	done = func() { _, _ = tpm2.FlushContext{FlushHandle: rsp.ObjectHandle}.Execute(t) }
	public, err := rsp.OutPublic.Contents()
	if err != nil {
		done()
		return key, nil, fmt.Errorf("making the TPM's storage key: %w", err)
	}
	return tpm2.AuthHandle{Handle: rsp.ObjectHandle, Name: rsp.Name,
		Auth: tpm2.HMAC(tpm2.TPMAlgSHA256, 16, tpm2.Salted(rsp.ObjectHandle, *public), hide)}, done, nil
}

// sealKey returns key in the form that only this TPM opens, having tried that.
func sealKey(t transport.TPM, key []byte) ([]byte, error) {
	parent, done, err := storageKey(t, tpm2.AESEncryption(128, tpm2.EncryptIn))
	if err != nil {
		return nil, err
	}
	rsp, err := tpm2.Create{
		ParentHandle: parent,
		InSensitive: tpm2.TPM2BSensitiveCreate{Sensitive: &tpm2.TPMSSensitiveCreate{
			Data: tpm2.NewTPMUSensitiveCreate(&tpm2.TPM2BSensitiveData{Buffer: key}),
		}},
		InPublic: tpm2.New2B(tpm2.TPMTPublic{
			Type: tpm2.TPMAlgKeyedHash, NameAlg: tpm2.TPMAlgSHA256,
			ObjectAttributes: tpm2.TPMAObject{FixedTPM: true, FixedParent: true, UserWithAuth: true, NoDA: true},
		}),
	}.Execute(t)
	done()
	if err != nil {
		return nil, fmt.Errorf("sealing the key: %w", err)
	}
	sealed := append(tpm2.Marshal(rsp.OutPublic), tpm2.Marshal(rsp.OutPrivate)...)
	if len(sealed) > secretMax {
		return nil, fmt.Errorf("the sealed key has %d bytes, more than %d", len(sealed), secretMax)
	}
	if back, err := unsealKey(t, sealed); err != nil || !bytes.Equal(back, key) {
		return nil, fmt.Errorf("the sealed key does not open again: %w", errors.Join(err, errors.ErrUnsupported))
	}
	return sealed, nil
}

// unsealKey undoes sealKey.
func unsealKey(t transport.TPM, sealed []byte) ([]byte, error) {
	public, private, err := splitSealed(sealed)
	if err != nil {
		return nil, err
	}
	parent, done, err := storageKey(t, tpm2.AESEncryption(128, tpm2.EncryptOut))
	if err != nil {
		return nil, err
	}
	defer done()
	session := parent.Auth
	parent.Auth = tpm2.PasswordAuth(nil)
	object, err := tpm2.Load{ParentHandle: parent, InPublic: public, InPrivate: private}.Execute(t)
	if err != nil {
		return nil, fmt.Errorf("giving the TPM the sealed key: %w", err)
	}
	defer func() { _, _ = tpm2.FlushContext{FlushHandle: object.ObjectHandle}.Execute(t) }()
	rsp, err := tpm2.Unseal{ItemHandle: tpm2.AuthHandle{Handle: object.ObjectHandle, Name: object.Name, Auth: session}}.Execute(t)
	if err != nil {
		return nil, fmt.Errorf("unsealing the key: %w", err)
	}
	return rsp.OutData.Buffer, nil
}

// splitSealed parts the two structures, which carry their lengths.
func splitSealed(b []byte) (public tpm2.TPM2BPublic, private tpm2.TPM2BPrivate, err error) {
	first := 0
	if len(b) >= 2 {
		first = 2 + int(b[0])<<8 + int(b[1])
	}
	if first == 0 || first > len(b) {
		return public, private, errDamaged
	}
	pub, err := tpm2.Unmarshal[tpm2.TPM2BPublic](b[:first])
	if err != nil {
		return public, private, fmt.Errorf("%w: %w", errDamaged, err)
	}
	priv, err := tpm2.Unmarshal[tpm2.TPM2BPrivate](b[first:])
	if err != nil {
		return public, private, fmt.Errorf("%w: %w", errDamaged, err)
	}
	return *pub, *priv, nil
}
