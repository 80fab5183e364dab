package config_test

import (
	"fmt"
	"slices"
	"testing"

	"monban/gateway/config"
)

// What the reference says of resolvers is what the name filter is given.
func TestResolvers(t *testing.T) {
	c, err := config.Parse(config.Reference)
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(c.DNS.Upstreams); got != "[198.51.100.153:53 tls://dns.example@[2001:db8:0:4::153]:853]" {
		t.Error(got)
	}
	z := c.DNS.Zones
	if len(z) != 1 || z[0].Name != "closed.example" || !slices.Equal(z[0].Devices, []string{"rececom"}) ||
		fmt.Sprint(z[0].Servers) != "[192.0.2.53:53 192.0.2.54:53]" {
		t.Errorf("%+v", z)
	}
	if got := fmt.Sprint(c.DNS.Resolvers()); got != "[198.51.100.153 2001:db8:0:4::153 192.0.2.53 192.0.2.54]" {
		t.Error(got)
	}
}
