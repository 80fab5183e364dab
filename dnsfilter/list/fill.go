package list

import (
	"encoding/binary"
	"math/bits"
	"unsafe"

	"golang.org/x/sys/unix"
)

// get reads n values. It makes room as they come: a header can say anything.
func get[T ~uint16 | ~uint32](c *checked, n int) ([]T, error) {
	s := room[T](min(n, 1<<20))
	for len(s) < n {
		if len(s) == cap(s) {
			s = append(room[T](min(n, 2*len(s))), s...)
		}
		have := len(s)
		s = s[:min(cap(s), have+atOnce)]
		if err := c.fill(octets(s[have:])); err != nil {
			return nil, err
		}
		littleEndian(s[have:])
	}
	return s, nil
}

// room is an empty slice for n values. What is large is asked for all at once,
// as huge pages as far as it goes: a list is looked into at random places, each
// of which otherwise costs a walk of the page tables besides, and its loading a
// fault for each page. Kernels that know neither do without.
func room[T ~uint16 | ~uint32](n int) []T {
	const page, huge = 64 << 10, 2 << 20 // the former is whole pages on every kernel
	s := make([]T, 0, n)
	b := octets(s[:n])
	if whole := aligned(b, huge); len(whole) > 0 {
		_ = unix.Madvise(whole, unix.MADV_HUGEPAGE)
	}
	if whole := aligned(b, page); len(whole) > 0 {
		_ = unix.Madvise(whole, unix.MADV_POPULATE_WRITE)
	}
	return s
}

// aligned is the longest part of b that is made of whole pages of that size.
func aligned(b []byte, page int) []byte {
	skip := int(-uintptr(unsafe.Pointer(unsafe.SliceData(b))) & uintptr(page-1))
	if len(b)-skip < page {
		return nil
	}
	return b[skip : skip+(len(b)-skip)&^(page-1)]
}

// octets is the memory of s.
func octets[T ~uint16 | ~uint32](s []T) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(s))), uintptr(len(s))*unsafe.Sizeof(T(0)))
}

// littleEndian makes numbers of what was read into s as they stand in the file.
func littleEndian[T ~uint16 | ~uint32](s []T) {
	if binary.NativeEndian.Uint16([]byte{1, 0}) == 1 {
		return
	}
	for i, v := range s {
		if unsafe.Sizeof(v) == 2 {
			s[i] = T(bits.ReverseBytes16(uint16(v)))
		} else {
			s[i] = T(bits.ReverseBytes32(uint32(v)))
		}
	}
}
