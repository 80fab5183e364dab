// Package neigh watches the LAN for devices: the kernel's neighbour table and
// the ARP and neighbour discovery frames that pass by.
//
// It sends nothing and remembers nothing: each proof of presence goes to the
// caller as a device.Sighting, and package device makes sense of it.
package neigh
