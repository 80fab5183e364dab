package config

// Version is the only version of site.toml this program reads.
const Version = 1

// file is site.toml as it is written; every key has its field here and its
// explanation in reference.toml. Config is what it means.
type file struct {
	Version   int64         `toml:"version"`
	Clinic    string        `toml:"clinic"`
	Timezone  string        `toml:"timezone"`
	WAN       fileWAN       `toml:"wan"`
	LAN       fileLAN       `toml:"lan"`
	DNS       fileDNS       `toml:"dns"`
	Tools     fileTools     `toml:"tools"`
	Page      filePage      `toml:"page"`
	Approval  fileApproval  `toml:"approval"`
	Update    fileUpdate    `toml:"update"`
	WireGuard fileWireGuard `toml:"wireguard"`
	Time      fileTime      `toml:"time"`
	Vendors   []fileVendor  `toml:"vendor"`
	Devices   []fileDevice  `toml:"device"`
}

// defaults is what a file without a key means, where that is not the zero
// value.
func defaults() file {
	return file{DNS: fileDNS{RefuseWith: string(WithZero), Log: fileNameLog{Days: 7}}, Tools: fileTools{ObserveDays: 7}, WireGuard: fileWireGuard{Port: 51820},
		Update: fileUpdate{From: "02:00", To: "04:00"}}
}

type fileWAN struct {
	Interface string   `toml:"interface"`
	MAC       string   `toml:"mac"`
	Addresses []string `toml:"addresses"`
	Gateways  []string `toml:"gateways"`
}

type fileLAN struct {
	Interface string   `toml:"interface"`
	MAC       string   `toml:"mac"`
	Addresses []string `toml:"addresses"`
}

type fileTime struct {
	Servers []string `toml:"servers"`
}

type fileDNS struct {
	Upstreams []string `toml:"upstreams"`
	MustWork  []string `toml:"must_work"`
	Deny      []string `toml:"deny"`
	Allow     []string `toml:"allow"`
	Exempt    []string `toml:"exempt"`
	Around    string   `toml:"around"`
	// RefuseWith is how refused names are answered.
	RefuseWith string      `toml:"refuse_with"`
	Log        fileNameLog `toml:"log"`
	Zones      []fileZone  `toml:"zone"`
	Groups     []fileGroup `toml:"group"`
	Lists      []fileList  `toml:"list"`
}

type fileNameLog struct {
	Days int64 `toml:"days"`
	Mask bool  `toml:"mask"`
}

type fileGroup struct {
	Name      string         `toml:"name"`
	Label     string         `toml:"label"`
	Devices   []string       `toml:"devices"`
	Lists     []string       `toml:"lists"`
	Safe      string         `toml:"safe_search"`
	Schedules []fileSchedule `toml:"schedule"`
}

type fileSchedule struct {
	Lists []string `toml:"lists"`
	Days  []string `toml:"days"`
	From  string   `toml:"from"`
	To    string   `toml:"to"`
}

type fileZone struct {
	Name      string   `toml:"name"`
	Upstreams []string `toml:"upstreams"`
	Devices   []string `toml:"devices"`
}

type fileList struct {
	Name   string `toml:"name"`
	File   string `toml:"file"`
	URL    string `toml:"url"`
	Format string `toml:"format"`
	SHA256 string `toml:"sha256"`
	Key    string `toml:"key"`
}

type fileTools struct {
	ObserveDays int64 `toml:"observe_days"`
}

type fileWireGuard struct {
	Port      int64    `toml:"port"`
	Addresses []string `toml:"addresses"`
}

type filePage struct {
	Names []string `toml:"names"`
}

type fileApproval struct {
	Alone bool `toml:"alone"`
}

type fileUpdate struct {
	Address string `toml:"address"`
	From    string `toml:"from"`
	To      string `toml:"to"`
}

type fileVendor struct {
	Name               string         `toml:"name"`
	Label              string         `toml:"label"`
	Phone              string         `toml:"phone"`
	Sources            []string       `toml:"sources"`
	WireGuardKey       string         `toml:"wireguard_key"`
	WireGuardAddresses []string       `toml:"wireguard_addresses"`
	Outbound           []fileOutbound `toml:"outbound"`
}

type fileOutbound struct {
	Device string `toml:"device"`
	To     string `toml:"to"`
	Proto  string `toml:"proto"`
	Port   int64  `toml:"port"`
	Why    string `toml:"why"`
}

type fileDevice struct {
	Name   string `toml:"name"`
	Label  string `toml:"label"`
	MAC    string `toml:"mac"`
	Place  string `toml:"place"`
	Egress string `toml:"egress"`
}
