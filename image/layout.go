package image

import "cmp"

// A Board is a kind of machine the firmware is made for. Everything that
// differs between machines is one of these two ways to boot.
type Board string

const (
	UEFI Board = "uefi" // mini-PCs of both architectures, and QEMU
	RPi  Board = "rpi"  // Raspberry Pi 4, 5 and CM4
)

// A Partition is one entry of the disk's GPT.
type Partition struct {
	Name string // partition name in the GPT; the running box finds partitions by it
	Type string // type GUID
	UUID string // unique GUID, the same on every box: slots are found by content
	MiB  int    // size; 0 for the rest of the disk
	FAT  bool   // holds a FAT file system
}

// Types of partitions (UEFI specification, section 5.3.3, and the Discoverable
// Partitions Specification).
const (
	typeESP   = "C12A7328-F81F-11D2-BA4B-00A0C93EC93B"
	typeFAT   = "EBD0A0A2-B9E5-4433-87C0-68B6B72699C7"
	typeLinux = "0FC63DAF-8483-4772-8E79-3D69D8477DE4"
)

// Names of partitions.
const (
	ESP   = "esp"
	BootA = "boot-a"
	BootB = "boot-b"
	RootA = "root-a"
	RootB = "root-b"
	Key   = "key"
	Data  = "data"
)

// Label is the FAT label of the partition that a vendor's PC shows, and of a
// USB stick that brings a site.toml.
const Label = "MONBAN"

// Disk is the partition table of a board, in order of place. The first
// partition holds what a vendor's PC may write before the first boot.
func Disk(b Board) []Partition {
	common := []Partition{
		{Name: RootA, Type: typeLinux, UUID: "6d6f6e62-616e-4000-8000-000000000011", MiB: 160},
		{Name: RootB, Type: typeLinux, UUID: "6d6f6e62-616e-4000-8000-000000000012", MiB: 160},
		// What opens data where there is no TPM. A reset destroys it.
		{Name: Key, Type: typeLinux, UUID: "6d6f6e62-616e-4000-8000-000000000021", MiB: 1},
		// Grown to the end of the disk at the first boot.
		{Name: Data, Type: typeLinux, UUID: "6d6f6e62-616e-4000-8000-000000000022"},
	}
	if b == RPi {
		return append([]Partition{
			{Name: ESP, Type: typeFAT, UUID: "6d6f6e62-616e-4000-8000-000000000001", MiB: 64, FAT: true},
			{Name: BootA, Type: typeFAT, UUID: "6d6f6e62-616e-4000-8000-000000000002", MiB: 96, FAT: true},
			{Name: BootB, Type: typeFAT, UUID: "6d6f6e62-616e-4000-8000-000000000003", MiB: 96, FAT: true},
		}, common...)
	}
	// Room for three UKIs of the larger architecture.
	return append([]Partition{{Name: ESP, Type: typeESP, UUID: "6d6f6e62-616e-4000-8000-000000000001", MiB: 256, FAT: true}}, common...)
}

// DiskUUID is the GUID of the partition table itself.
const DiskUUID = "6d6f6e62-616e-4000-8000-000000000000"

// shippedData is the size in MiB of the partition data in a disk image: room
// enough to be grown later.
const shippedData = 64

// Size is the size of a partition in a disk image, in MiB.
func Size(b Board, name string) int {
	for _, p := range Disk(b) {
		if p.Name == name {
			return cmp.Or(p.MiB, shippedData)
		}
	}
	return 0
}

// Start is where a partition begins, in MiB from the beginning of the disk.
func Start(b Board, name string) int {
	at := 1 // the table
	for _, p := range Disk(b) {
		if p.Name == name {
			break
		}
		at += cmp.Or(p.MiB, shippedData)
	}
	return at
}

// DiskMiB is the size of a disk image, with the second table at its end.
func DiskMiB(b Board) int { return Start(b, "") + 1 }
