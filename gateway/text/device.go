package text

var deviceText = map[string]sentence{
	"device.unknown":    {"その機器は見つかりません。機器の一覧で名前かMACアドレスを確かめてください。", "There is no such device. Check its name or MAC address in the list of devices."},
	"device.name_taken": {"その名前はほかの機器で使われています。別の名前にしてください。", "Another device has this name. Choose a different one."},
}
