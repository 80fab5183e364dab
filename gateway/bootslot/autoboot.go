package bootslot

import (
	"errors"
	"fmt"
	"strings"
)

// MaxAutoboot is the size in bytes up to which a Pi's firmware reads
// autoboot.txt, the file on the first partition that says which one to boot.
const MaxAutoboot = 512

// Autoboot writes an autoboot.txt: the partition to boot, and the one to try
// once when the firmware is told to (Raspberry Pi documentation, "autoboot.txt"
// and "tryboot"). Both are below 10, so that the file is always of one size and
// can be changed in place, in one sector.
func Autoboot(boot, try int) []byte {
	return fmt.Appendf(nil, "[all]\ntryboot_a_b=1\nboot_partition=%d\n[tryboot]\nboot_partition=%d\n", boot, try)
}

// ParseAutoboot reads what Autoboot writes, with other spacing and lines of no
// concern.
func ParseAutoboot(b []byte) (boot, try int, err error) {
	if len(b) > MaxAutoboot {
		return 0, 0, errors.New("reading autoboot.txt: it is too long")
	}
	to := &boot
	for line := range strings.Lines(string(b)) {
		line = strings.TrimSpace(line)
		switch line {
		case "[all]":
			to = &boot
			continue
		case "[tryboot]":
			to = &try
			continue
		}
		if strings.HasPrefix(line, "[") {
			return 0, 0, fmt.Errorf("reading autoboot.txt: the section %.20q is not ours", line)
		}
		value, ok := strings.CutPrefix(line, "boot_partition=")
		if !ok {
			continue
		}
		if len(value) != 1 || value[0] < '1' || value[0] > '9' {
			return 0, 0, fmt.Errorf("reading autoboot.txt: %.20q is no partition", value)
		}
		*to = int(value[0] - '0')
	}
	if boot == 0 || try == 0 || boot == try {
		return 0, 0, errors.New("reading autoboot.txt: it does not name two partitions")
	}
	return boot, try, nil
}
