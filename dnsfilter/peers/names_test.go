package peers_test

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"strconv"
	"strings"
)

const (
	hotNames     = 1000
	blockedNames = 100_000 // of the list, at most
)

// A kind is which answer a question must get.
type kind uint8

const (
	hot     kind = iota + 1 // in every server's memory
	blocked                 // on the list
	cold                    // never asked before
)

// A mix is a share of each, in percent.
type mix struct {
	name               string
	hot, blocked, cold int
}

func mixes() []mix {
	return []mix{{"cached", 100, 0, 0}, {"blocked", 0, 100, 0}, {"mix", 70, 20, 10}}
}

func hotName(i int) string { return fmt.Sprintf("www%03d.clinic%02d.example", i, i%37) }

// listName is name i of the list, as trackers have them.
func listName(i int) string {
	return "ads" + strconv.FormatInt(int64(i)*7919, 16) + ".tracker" + strconv.Itoa(i%9973) + ".example"
}

// eachName writes a line for each of n names of the list.
func eachName(w io.Writer, n int, before, after string) error {
	out := bufio.NewWriterSize(w, 1<<20)
	for i := range n {
		out.WriteString(before)
		out.WriteString(listName(i))
		out.WriteString(after)
	}
	return out.Flush()
}

// query is a question for the address of name as a plain stub resolver sends it.
func query(name string) []byte {
	b := []byte{0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0}
	for label := range strings.SplitSeq(name, ".") {
		b = append(append(b, byte(len(label))), label...)
	}
	return append(b, 0, 0, 1, 0, 1)
}

// questions are what a load draws from.
type questions struct {
	hot, blocked [][]byte
	cold         []byte // with room for a number
	rnd          *rand.Rand
}

const coldLabel = "c0123456789abcdef"

func newQuestions(list int, seed uint64) *questions {
	q := &questions{rnd: rand.New(rand.NewPCG(seed, 7)), cold: query(coldLabel + ".cold.example")}
	for i := range hotNames {
		q.hot = append(q.hot, query(hotName(i)))
	}
	n := min(blockedNames, list)
	for i := range n {
		q.blocked = append(q.blocked, query(listName(i*(list/n))))
	}
	return q
}

// next puts a question of m into b.
func (q *questions) next(b []byte, m *mix, id uint16) (int, kind) {
	n, k := 0, hot
	switch at := q.rnd.IntN(100); {
	case at < m.hot:
		n = copy(b, q.hot[q.rnd.IntN(len(q.hot))])
	case at < m.hot+m.blocked:
		n, k = copy(b, q.blocked[q.rnd.IntN(len(q.blocked))]), blocked
	default:
		n, k = copy(b, q.cold), cold
		for i, x := 0, q.rnd.Uint64(); i < 16; i, x = i+1, x>>4 {
			b[14+i] = "0123456789abcdef"[x&15]
		}
	}
	binary.BigEndian.PutUint16(b, id)
	return n, k
}

// right says whether b answers a question of that kind as it must be.
func right(b []byte, k kind) bool {
	if len(b) < 12 || b[2]&0x80 == 0 || b[3]&15 != 0 || binary.BigEndian.Uint16(b[6:]) != 1 || len(b) < 32 {
		return false
	}
	return (binary.BigEndian.Uint32(b[len(b)-4:]) == 0) == (k == blocked)
}
