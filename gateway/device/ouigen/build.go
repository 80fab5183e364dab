package main

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"unicode"

	"monban/gateway/device"
)

// perBlock is how many names are deflated together: more pack better and are
// slower to look up.
const perBlock = 512

// build returns the table of device.Makers.
func build(makers map[string]string) ([]byte, error) {
	names := map[string]int{}
	for _, v := range makers {
		names[name(v)] = 0
	}
	delete(names, "")
	if len(names) > math.MaxUint16 {
		return nil, fmt.Errorf("%d names do not fit 16 bits", len(names))
	}
	sorted := slices.Sorted(maps.Keys(names))
	for i, n := range sorted {
		names[n] = i
	}
	var records [3][]byte
	var counts [3]int
	for _, k := range slices.Sorted(maps.Keys(makers)) {
		n := name(makers[k])
		if n == "" {
			continue
		}
		list := slices.Index([]int{6, 7, 9}, len(k))
		if list < 0 {
			return nil, fmt.Errorf("prefix %q: neither 24, 28 nor 36 bits", k)
		}
		b, err := hex.DecodeString(k + strings.Repeat("0", len(k)%2))
		if err != nil {
			return nil, fmt.Errorf("prefix %q: %w", k, err)
		}
		records[list] = binary.BigEndian.AppendUint16(append(records[list], b...), uint16(names[n]))
		counts[list]++
	}
	out := []byte(device.MakersMagic)
	for _, n := range []int{counts[0], counts[1], counts[2], len(sorted), perBlock} {
		out = binary.BigEndian.AppendUint32(out, uint32(n))
	}
	out = append(out, slices.Concat(records[:]...)...)
	var data bytes.Buffer
	for some := range slices.Chunk(sorted, perBlock) {
		w, err := flate.NewWriter(&data, flate.BestCompression)
		if err != nil {
			return nil, err
		}
		if _, err := w.Write([]byte(strings.Join(some, "\n") + "\n")); err != nil {
			return nil, err
		}
		if err := w.Close(); err != nil {
			return nil, err
		}
		out = binary.BigEndian.AppendUint32(out, uint32(data.Len()))
	}
	return append(out, data.Bytes()...), nil
}

// name returns the owner of an entry, its first line; empty for what tells a
// person nothing: the registry itself and owners who wish to stay unnamed.
func name(entry string) string {
	n, _, _ := strings.Cut(entry, "\n")
	n = strings.Join(strings.FieldsFunc(n, func(r rune) bool {
		return unicode.IsSpace(r) || unicode.IsControl(r)
	}), " ")
	if n == "IEEE Registration Authority" || strings.EqualFold(n, "private") {
		return ""
	}
	return n
}
