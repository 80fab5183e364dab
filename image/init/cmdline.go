package main

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// A wanted is the root file system this kernel belongs to, by content.
type wanted struct {
	root   []byte // root hash: sha256(salt || top block of the tree)
	salt   []byte
	offset int64 // bytes of file system before the hash tree, whole blocks
}

const (
	blockSize = 4096 // of data and of the hash tree
	maxSalt   = 256  // bytes; the kernel takes no more (dm-verity-target.c)
	maxOffset = 1 << 40
)

// parseCommandLine finds monban.root, monban.salt and monban.offset among the
// words of a kernel command line. Each must be there once.
func parseCommandLine(line string) (wanted, error) {
	values := map[string]string{}
	for _, word := range strings.Fields(line) {
		key, value, _ := strings.Cut(word, "=")
		switch key {
		case "monban.root", "monban.salt", "monban.offset":
			if _, twice := values[key]; twice {
				return wanted{}, fmt.Errorf("%s is given twice", key)
			}
			values[key] = value
		}
	}
	var w wanted
	var errs [3]error
	w.root, errs[0] = hexBytes(values, "monban.root", 32, 32)
	w.salt, errs[1] = hexBytes(values, "monban.salt", 1, maxSalt)
	w.offset, errs[2] = strconv.ParseInt(values["monban.offset"], 10, 64)
	// A tree over a single block has no top block of its own.
	if errs[2] != nil || w.offset < 2*blockSize || w.offset > maxOffset || w.offset%blockSize != 0 {
		errs[2] = fmt.Errorf("monban.offset=%s is no number of bytes in whole blocks", values["monban.offset"])
	}
	if err := errors.Join(errs[:]...); err != nil {
		return wanted{}, err
	}
	return w, nil
}

func hexBytes(values map[string]string, key string, least, most int) ([]byte, error) {
	b, err := hex.DecodeString(values[key])
	if err != nil || len(b) < least || len(b) > most {
		return nil, fmt.Errorf("%s=%s is not %d to %d bytes in hexadecimal", key, values[key], least, most)
	}
	return b, nil
}
