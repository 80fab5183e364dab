package lab

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"

	"golang.org/x/sys/unix"

	"monban/gateway/text"
)

// A wire carries JSON lines and, with a line, open files over a Unix stream
// socket. One reader and any number of writers at a time.
type wire struct {
	conn *net.UnixConn
	rest []byte // read, but not yet a whole line
	mu   sync.Mutex
}

// maxLine bounds a request: a command line with its environment.
const maxLine = 4 << 20

// send writes v as one line; files travel with its first byte.
func (w *wire) send(v any, files ...*os.File) error {
	line, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encoding a message: %w", err)
	}
	line = append(line, '\n')
	var oob []byte
	if len(files) > 0 {
		fds := make([]int, len(files))
		for i, f := range files {
			fds[i] = int(f.Fd())
		}
		oob = unix.UnixRights(fds...)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	n, _, err := w.conn.WriteMsgUnix(line, oob, nil)
	if err == nil && n < len(line) {
		_, err = w.conn.Write(line[n:])
	}
	if err != nil {
		return fmt.Errorf("sending a message: %w", err)
	}
	return nil
}

// receive reads one line into v and returns the files that came with it. At
// the end it returns io.EOF.
func (w *wire) receive(v any) ([]*os.File, error) {
	var files []*os.File
	buf, oob := make([]byte, 64<<10), make([]byte, unix.CmsgSpace(8*4))
	for {
		if i := bytes.IndexByte(w.rest, '\n'); i >= 0 {
			line := w.rest[:i]
			w.rest = w.rest[i+1:]
			if err := json.Unmarshal(line, v); err != nil {
				closeAll(files)
				return nil, fmt.Errorf("decoding a message: %w", err)
			}
			return files, nil
		}
		n, oobn, _, _, err := w.conn.ReadMsgUnix(buf, oob)
		files = append(files, filesIn(oob[:oobn])...)
		if n > 0 && len(w.rest) < maxLine {
			w.rest = append(w.rest, buf[:n]...)
			continue
		}
		closeAll(files)
		if err == nil || errors.Is(err, io.EOF) {
			return nil, io.EOF
		}
		return nil, fmt.Errorf("receiving a message: %w", err)
	}
}

// filesIn takes the passed files out of a control message.
func filesIn(oob []byte) []*os.File {
	var files []*os.File
	msgs, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return nil
	}
	for _, m := range msgs {
		fds, err := unix.ParseUnixRights(&m)
		if err != nil {
			continue
		}
		for _, fd := range fds {
			files = append(files, os.NewFile(uintptr(fd), "passed"))
		}
	}
	return files
}

func closeAll(files []*os.File) {
	for _, f := range files {
		f.Close()
	}
}

// A failure is an error on a wire: a Fault keeps its code, another error its
// words.
type failure struct {
	Fault *text.Fault `json:"fault,omitempty"`
	Words string      `json:"words,omitempty"`
}

func failureOf(err error) *failure {
	if err == nil {
		return nil
	}
	var f *text.Fault
	if errors.As(err, &f) {
		words := ""
		if f.Err != nil {
			words = f.Err.Error()
		}
		return &failure{Fault: f, Words: words}
	}
	return &failure{Words: err.Error()}
}

// err is the error f carries, nil for a nil f.
func (f *failure) err() error {
	switch {
	case f == nil:
		return nil
	case f.Fault != nil && f.Words != "":
		return f.Fault.Because(errors.New(f.Words))
	case f.Fault != nil:
		return f.Fault
	}
	return errors.New(f.Words)
}

// wirePair returns two connected ends: one for this process, one to give to a
// child.
func wirePair() (ours *wire, theirs *os.File, err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("making a socket pair: %w", err)
	}
	theirs = os.NewFile(uintptr(fds[1]), "wire")
	ours, err = wireOf(os.NewFile(uintptr(fds[0]), "wire"))
	if err != nil {
		theirs.Close()
		return nil, nil, err
	}
	return ours, theirs, nil
}

// wireOf takes f, a connected Unix stream socket, over.
func wireOf(f *os.File) (*wire, error) {
	defer f.Close()
	c, err := net.FileConn(f)
	if err != nil {
		return nil, fmt.Errorf("using a passed socket: %w", err)
	}
	u, ok := c.(*net.UnixConn)
	if !ok {
		c.Close()
		return nil, errors.New("using a passed socket: not a Unix socket")
	}
	return &wire{conn: u}, nil
}
