// Package gateway is the clinic gateway: what the configuration, the open
// windows and the devices mean for the kernel and the name filter, and the
// methods people reach by page, socket and command line.
//
// Plan decides, the reconcile loop carries out. Effects come in as interfaces
// that package main plugs; nothing here talks to the kernel itself.
package gateway
