package gateway

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"strings"

	"monban/dnsfilter/bypass"
	"monban/dnsfilter/list"
	"monban/gateway/config"
)

// builtIn are the lists that are part of the program: in force at all times,
// and all there is when no other can be read.
func builtIn() (files []listFile) {
	for _, k := range bypass.Kinds() {
		sum := sha256.New()
		io.Copy(sum, bypass.Hosts(k)) // memory to memory
		files = append(files, listFile{string(k), "built in " + hex.EncodeToString(sum.Sum(nil)), list.Hosts,
			func() (io.ReadCloser, error) { return io.NopCloser(bypass.Hosts(k)), nil }})
	}
	return files
}

// siteNames is how many names there are but those built in.
func siteNames(l *list.List) int {
	n := l.Len()
	for _, r := range l.Sources() {
		if strings.HasPrefix(r.Name, config.BuiltIn) {
			n -= r.Names
		}
	}
	return max(n, 0)
}
