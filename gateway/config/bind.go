package config

import (
	"reflect"
	"strings"
)

// bind copies a decoded TOML value into dst, a part of file. Unlike a plain
// decoder it goes on after a value of the wrong type or a key that file does
// not have, so that people learn of every mistake at once.
func (f *faults) bind(dst reflect.Value, src any, path string) {
	switch dst.Kind() {
	case reflect.Struct:
		table, ok := src.(map[string]any)
		if !ok {
			f.add(path, "config.wrong_type", "want", "[table]")
			return
		}
		f.bindTable(dst, table, path)
	case reflect.Slice:
		list, ok := src.([]any)
		if !ok {
			f.add(path, "config.wrong_type", "want", `["…", "…"]`)
			return
		}
		dst.Set(reflect.MakeSlice(dst.Type(), len(list), len(list)))
		for i, v := range list {
			f.bind(dst.Index(i), v, index(path, i))
		}
	default:
		if v := reflect.ValueOf(src); v.Type() == dst.Type() {
			dst.Set(v)
			return
		}
		f.add(path, "config.wrong_type", "want", examples[dst.Kind()])
	}
}

// examples show how a value of each kind is written.
var examples = map[reflect.Kind]string{
	reflect.String: `"…"`, reflect.Int64: "123", reflect.Bool: "true / false",
}

func (f *faults) bindTable(dst reflect.Value, table map[string]any, path string) {
	fields := map[string]int{}
	var known []string
	for i := range dst.NumField() {
		key := dst.Type().Field(i).Tag.Get("toml")
		fields[key], known = i, append(known, key)
	}
	for key, v := range table {
		i, ok := fields[key]
		if !ok {
			f.add(join(path, key), "config.unknown_key", "known", strings.Join(known, ", "))
			continue
		}
		f.bind(dst.Field(i), v, join(path, key))
	}
}
