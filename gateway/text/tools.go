package text

// toolsText are the sentences about remote-support tools: why a name of one is
// answered as it is, and what the classes of names mean.
var toolsText = map[string]sentence{
	"dns.reason.tool": {
		"遠隔操作ソフト {tool} の名前です。承認された保守がないため、止めています。業者の作業に必要なときは、保守を申し込んでください。",
		"It is a name of the remote-support tool {tool}, refused because no maintenance window is open. If a vendor needs it for work, ask for a window.",
	},
	"dns.reason.tool_granted": {
		"遠隔操作ソフト {tool} の名前です。この機器で保守が開いているため、つながります。保守が終わると止まります。",
		"It is a name of the remote-support tool {tool}, answered because a maintenance window is open on this machine. It stops when the window ends.",
	},
	"dns.reason.tool_observed": {
		"遠隔操作ソフト {tool} の名前です。いまは見るだけの期間のため、つながります。期間が過ぎると、承認された保守があるときだけつながります。",
		"It is a name of the remote-support tool {tool}, answered because tools are only observed for now. After that it is answered only while a maintenance window is open.",
	},

	"tool.class.block": {
		"このソフトだけの名前。承認された保守がないときは止めます。",
		"The tool's own. Refused unless a maintenance window is open.",
	},
	"tool.class.observe": {
		"このソフトのほかにも使われることがある名前。止めずに記録します。",
		"Mostly the tool's, but needed for other things, too. Recorded and not refused.",
	},
	"tool.class.shared": {
		"多くのソフトが使う名前。止めません。調べても、このソフトを使ったとは限りません。",
		"Used by many programs. Never refused; a look-up does not mean that the tool is in use.",
	},
}
