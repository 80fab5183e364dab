// Package control is the local control socket: JSON over HTTP on a Unix
// socket, for root and the service user.
//
// It authorises nothing but the peer's user id; every method it calls checks
// the actor by itself, as the page's calls do.
package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/user"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"monban/gateway"
	"monban/gateway/audit"
	"monban/gateway/people"
	"monban/gateway/run"
	"monban/gateway/text"
)

// maxBody bounds a request; the longest is a break-glass with its reason.
const maxBody = 64 << 10

// Listen makes the socket at path, mode 0600, replacing one that a killed
// daemon left behind.
func Listen(path string) (net.Listener, error) {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("removing the old control socket: %w", err)
	}
	// Linux gives the file the mode the socket has when it is bound, so that
	// nobody else can connect, not even for a moment. The umask would be that of
	// everybody in this process.
	lc := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		var mode error
		err := c.Control(func(fd uintptr) { mode = unix.Fchmod(int(fd), 0o600) })
		return errors.Join(err, mode)
	}}
	l, err := lc.Listen(context.Background(), "unix", path)
	if err != nil {
		return nil, fmt.Errorf("listening on the control socket: %w", err)
	}
	return l, nil
}

// Serve answers on l until ctx ends.
func Serve(ctx context.Context, l net.Listener, g *gateway.Gateway) error {
	srv := &http.Server{
		Handler:           Handler(g),
		ReadHeaderTimeout: 5 * time.Second,
		ConnContext:       withPeer,
	}
	group, ctx := run.NewGroup(ctx)
	group.Go("control socket", func(context.Context) error {
		if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	})
	group.Go("control socket's end", func(context.Context) error {
		<-ctx.Done()
		return srv.Close()
	})
	return group.Wait()
}

type peerKey struct{}

// withPeer puts the connecting user into the context. SO_PEERCRED is what the
// kernel recorded at connect(2); it cannot be forged.
func withPeer(ctx context.Context, c net.Conn) context.Context {
	uc, ok := c.(*net.UnixConn)
	if !ok {
		return ctx
	}
	raw, err := uc.SyscallConn()
	if err != nil {
		return ctx
	}
	var cred *unix.Ucred
	if raw.Control(func(fd uintptr) {
		cred, err = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
	}) != nil || err != nil {
		return ctx
	}
	return context.WithValue(ctx, peerKey{}, *cred)
}

// actor is who calls: root or the service user itself, nobody else.
func actor(r *http.Request) (people.Actor, error) {
	cred, ok := r.Context().Value(peerKey{}).(unix.Ucred)
	if !ok || cred.Uid != 0 && int(cred.Uid) != os.Geteuid() {
		return people.Actor{}, text.NewFault("control.not_you")
	}
	name := "uid " + strconv.Itoa(int(cred.Uid))
	if u, err := user.LookupId(strconv.Itoa(int(cred.Uid))); err == nil {
		name = u.Username
	}
	return people.Actor{Name: name, Role: people.Console, Via: "socket"}, nil
}

// Handler routes the socket's requests. GET changes nothing that anybody is
// shown or relies on; of /health the database keeps when it was asked for, since
// whether it takes a write is part of the answer.
func Handler(g *gateway.Gateway) http.Handler {
	mux := http.NewServeMux()
	handle := func(pattern string, f func(r *http.Request, who people.Actor) (any, error)) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			r.Body = http.MaxBytesReader(w, r.Body, maxBody)
			who, err := actor(r)
			var v any
			if err == nil {
				v, err = f(r, who)
			}
			reply(w, v, err)
		})
	}
	handle("GET /status", func(r *http.Request, _ people.Actor) (any, error) { return g.Status(r.Context()) })
	handle("GET /health", func(r *http.Request, _ people.Actor) (any, error) { return g.Health(r.Context()), nil })
	handle("GET /firmware", func(r *http.Request, who people.Actor) (any, error) { return g.Firmware(r.Context(), who) })
	handle("GET /windows", func(r *http.Request, who people.Actor) (any, error) { return g.Windows(r.Context(), who, 0, 0) })
	handle("GET /windows/{id}", func(r *http.Request, who people.Actor) (any, error) {
		id, err := windowID(r)
		if err != nil {
			return nil, err
		}
		return g.WindowByID(r.Context(), who, id)
	})
	handle("POST /windows", func(r *http.Request, who people.Actor) (any, error) {
		var ask gateway.Ask
		if err := decode(r, &ask); err != nil {
			return nil, err
		}
		return g.BreakGlass(r.Context(), who, ask)
	})
	handle("POST /windows/close-all", func(r *http.Request, who people.Actor) (any, error) {
		return g.CloseAll(r.Context(), who)
	})
	handle("POST /windows/{id}/close", func(r *http.Request, who people.Actor) (any, error) {
		id, err := windowID(r)
		if err != nil {
			return nil, err
		}
		return g.CloseWindow(r.Context(), who, id)
	})
	remarks(handle, g)
	handle("POST /requests", func(r *http.Request, who people.Actor) (any, error) {
		var in struct{ Text string }
		if err := decode(r, &in); err != nil {
			return nil, err
		}
		return g.RecordRequest(r.Context(), who, in.Text)
	})
	handle("GET /attempts", func(r *http.Request, who people.Actor) (any, error) {
		return g.Attempts(r.Context(), who, r.FormValue("day"))
	})
	handle("GET /devices", func(r *http.Request, who people.Actor) (any, error) { return g.Devices(r.Context(), who) })
	handle("POST /devices/{id}/name", func(r *http.Request, who people.Actor) (any, error) {
		var in struct{ Name string }
		if err := decode(r, &in); err != nil {
			return nil, err
		}
		id, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
		if err != nil {
			return nil, text.NewFault("device.unknown", "device", r.PathValue("id"))
		}
		return struct{}{}, g.NameDevice(r.Context(), who, id, in.Name)
	})
	handle("GET /checklist", func(r *http.Request, who people.Actor) (any, error) {
		ed, items, err := g.Checklist(r.Context(), who)
		return gateway.Checklist{Edition: ed.ID, Items: items}, err
	})
	handle("POST /selftest", func(r *http.Request, who people.Actor) (any, error) {
		err := g.RunSelfTest(r.Context(), who)
		return g.Proof(), err
	})
	handle("GET /audit", func(r *http.Request, who people.Actor) (any, error) {
		before, _ := strconv.ParseUint(r.FormValue("before"), 10, 64)
		limit, _ := strconv.Atoi(r.FormValue("limit"))
		return g.Audit(r.Context(), who, before, limit)
	})
	handle("GET /audit/check", func(r *http.Request, who people.Actor) (any, error) {
		var against *audit.Head
		if s := r.FormValue("against"); s != "" {
			h, err := audit.ParseHead(s)
			if err != nil {
				return nil, text.NewFault("audit.bad_head", "head", s).On("against")
			}
			against = &h
		}
		return g.CheckAuditAgainst(r.Context(), who, against)
	})
	handle("GET /dns/explain", func(r *http.Request, who people.Actor) (any, error) {
		var client netip.Addr
		if s := r.FormValue("client"); s != "" {
			var err error
			if client, err = netip.ParseAddr(s); err != nil {
				return nil, text.NewFault("dns.bad_client", "client", s).On("client")
			}
		}
		return g.WhyName(r.Context(), who, r.FormValue("name"), r.FormValue("device"), client)
	})
	return mux
}

func windowID(r *http.Request) (int64, error) {
	id, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
	if err != nil {
		return 0, text.NewFault("window.unknown", "id", r.PathValue("id"))
	}
	return id, nil
}

func decode(r *http.Request, v any) error {
	d := json.NewDecoder(r.Body)
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return text.NewFault("control.bad_request").Because(err)
	}
	return nil
}

// answer is what goes over the socket: a value or a fault.
type answer struct {
	Value json.RawMessage `json:"value,omitempty"`
	Fault *text.Fault     `json:"fault,omitempty"`
	Error string          `json:"error,omitempty"`
}

func reply(w http.ResponseWriter, v any, err error) {
	var a answer
	status := http.StatusOK
	if err == nil {
		a.Value, err = json.Marshal(v)
	}
	if err != nil {
		status = http.StatusUnprocessableEntity
		if !errors.As(err, &a.Fault) {
			status, a.Error = http.StatusInternalServerError, err.Error()
		}
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(a) // a client that went away is no fault of ours
}
