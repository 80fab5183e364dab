package upstream

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/miekg/dns"
)

// tcpPatience bounds one TCP question, so that a server whose TCP is dead
// leaves time to ask the next.
const tcpPatience = 1200 * time.Millisecond

// overTCP asks t's server again over TCP (RFC 7766): for an answer too long
// for a datagram, or one that we do not believe.
func (x *exchange) overTCP(ctx context.Context, t *try) (*dns.Msg, error) {
	end := time.Now().Add(tcpPatience)
	if x.end.Before(end) {
		end = x.end
	}
	d := net.Dialer{Deadline: end}
	conn, err := d.DialContext(ctx, "tcp", t.server.addr.String())
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	conn.SetDeadline(end)
	again, err := newTry(x.q, t.server, t.edns, x.mixCase)
	if err != nil {
		return nil, err
	}
	raw, err := roundTrip(conn, again.packet)
	if err != nil {
		return nil, fmt.Errorf("asking over TCP: %w", err)
	}
	m, v := again.check(raw)
	switch v {
	case fits, folded:
		if v == folded { // nobody forged this: the server is like that
			t.server.foldsCase.Store(true)
		}
		t.answered = true
		return m, nil
	}
	return nil, errors.New("asking over TCP: the answer does not fit the question")
}

func roundTrip(conn io.ReadWriter, packet []byte) ([]byte, error) {
	framed := binary.BigEndian.AppendUint16(make([]byte, 0, 2+len(packet)), uint16(len(packet)))
	if _, err := conn.Write(append(framed, packet...)); err != nil {
		return nil, err
	}
	var size [2]byte
	if _, err := io.ReadFull(conn, size[:]); err != nil {
		return nil, err
	}
	raw := make([]byte, binary.BigEndian.Uint16(size[:]))
	_, err := io.ReadFull(conn, raw)
	return raw, err
}
