package config

import _ "embed"

// Reference is a site.toml with every key, each explained.
//
//go:embed reference.toml
var Reference []byte

// Example is the site.toml the pretend clinic runs with.
//
//go:embed example.toml
var Example []byte
