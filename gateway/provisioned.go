package gateway

import (
	"bytes"
	"context"
	"path/filepath"

	"monban/gateway/people"
	"monban/gateway/provision"
	"monban/gateway/store"
)

// keyProvisioned is the setting that holds the digest of the site.toml the box
// was brought, once the log has it.
const keyProvisioned = "provisioned"

// provisionFault is why the box did not take the site.toml it was brought at
// this boot, or nil.
func (g *Gateway) provisionFault() error {
	if g.o.Provisioned == "" {
		return nil
	}
	if r, ok := provision.Read(g.o.Provisioned); ok && !r.Taken && len(r.Faults) > 0 {
		return r.Faults[0]
	}
	return nil
}

// noteProvision writes down once where the box has its first site.toml from,
// and its digest.
func (g *Gateway) noteProvision(ctx context.Context) {
	r, ok := provision.Read(filepath.Join(g.o.State, provision.Kept))
	if !ok || !r.Taken {
		return
	}
	if had, err := g.db().Meta(ctx, keyProvisioned); err != nil || bytes.Equal(had, []byte(r.SHA256)) {
		return
	}
	g.record(ctx, people.Box, func(tx *store.Tx) error {
		if err := tx.SetMeta(keyProvisioned, []byte(r.SHA256)); err != nil {
			return err
		}
		return tx.Audit("provision.taken."+r.Source, map[string]any{"sum": r.SHA256})
	})
}
