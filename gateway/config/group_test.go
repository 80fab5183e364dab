package config_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"monban/gateway/config"
)

func TestGroupsMean(t *testing.T) {
	c, err := config.Parse(config.Reference)
	if err != nil {
		t.Fatal(err)
	}
	want := []config.Group{
		{Name: "default", Lists: []string{"malware", "ads"}, Safe: config.SafeOff},
		{Name: "desks", Label: "受付", Devices: []string{"rececom"}, Lists: []string{"malware"}, Safe: config.SafeStrict, Schedules: []config.Schedule{{
			Lists: []string{"ads"}, Days: []time.Weekday{1, 2, 3, 4, 5}, From: 9 * 60, To: 18 * 60}}},
	}
	if diff := cmp.Diff(want, c.DNS.AllGroups()); diff != "" {
		t.Error(diff)
	}
	// The default one comes first wherever it is written; no list is not all.
	c, err = config.Parse(slices.Concat(config.Example, []byte(`
[[dns.group]]
name = "desks"
devices = ["reception"]
lists = []
[[dns.group.schedule]]
lists = ["lab"]
from = "22:30"
to = "24:00"
[[dns.group]]
name = "default"
safe_search = "moderate"
`)))
	if err != nil {
		t.Fatal(err)
	}
	all := c.DNS.AllGroups()
	if len(all) != 2 || all[0].Name != "default" || all[0].Label != "" || all[0].Safe != config.SafeModerate || !slices.Equal(all[0].Lists, []string{"lab"}) ||
		len(all[1].Lists) != 0 || all[1].Label != "desks" || len(all[1].Schedules[0].Days) != 7 || all[1].Schedules[0].From != 22*60+30 || all[1].Schedules[0].To != 24*60 {
		t.Errorf("%+v", all)
	}
	if c.DNS.Groups[0].Name != "desks" {
		t.Error("AllGroups changed what is written")
	}
}
