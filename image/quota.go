package image

// A Share is a directory of the partition data that may not grow without end:
// what it holds can be fetched or written again, the database cannot. The file
// system enforces it (project quota), whatever a program does.
//
// A share is the smaller of MiB and Percent of the partition. All shares
// together stay below half of it, so that the database, the configuration and
// its generations always have the other half. Updates need nothing here: they go
// straight to the idle slot.
type Share struct {
	Dir     string
	Project uint32
	MiB     int
	Percent int
	Why     string
}

// Shares are the quotas of the partition data.
func Shares() []Share {
	return []Share{
		{"journal", 101, 96, 10, "journald keeps itself below 64 MiB (SystemMaxUse); this is the wall behind it"},
		{"monban/names", 102, 320, 20, "the record of questions deletes its oldest at 256 MiB"},
		{"monban/fetched", 103, 512, 15, "texts of block lists, fetched again when lost"},
		{"systemd", 104, 16, 2, "clock file, random seed, time stamps"},
	}
}
