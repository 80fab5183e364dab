# make without a target says what there is.

SHELL       := /bin/bash
.SHELLFLAGS := -o pipefail -ec
# Debian keeps nft where an ordinary user's PATH does not look.
export PATH := $(PATH):/usr/sbin:/sbin
# One static program, as on the box.
BUILD       := CGO_ENABLED=0 go build -trimpath
# Seconds for each parser of bytes from outside.
FUZZ        ?= 20
PORT        ?= 8443

.PHONY: help run build test race bench bench-dns fuzz soak check generate tools peers

help: ## Show this help
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12

run: ## Start the pretend clinic; Ctrl-C ends it and leaves nothing (PORT=8443)
	@dir=$$(mktemp -d); trap 'rm -rf "$$dir"' EXIT; trap : INT TERM; \
	$(BUILD) -o "$$dir/monban" ./cmd/monban; \
	"$$dir/monban" lab up --listen 127.0.0.1:$(PORT)

build: ## Build bin/monban
	@$(BUILD) -o bin/monban ./cmd/monban

test: tools ## Everything that needs no VM; without root it uses user namespaces
	@go test -timeout 20m $(if $(filter true,$(CI)),-v -count=1) ./... $(if $(filter true,$(CI)),2>&1 | .ci/closing)

race: ## All but the whole clinic, with the race detector (needs a C compiler)
	@go test -race -short -timeout 20m $$(go list ./... | grep -v -e /cmd/ -e /lab$$)

bench: peers ## Benchmarks, the short run beside unbound and dnsmasq among them
	@go test -run '^$$' -bench . -benchmem ./...

bench-dns: peers ## The name filter beside unbound and dnsmasq; writes docs/benchmarks.md (a quarter of an hour, on a quiet machine)
	@MONBAN_PEERS=long go test -run '^$$' -bench '^BenchmarkPeers$$' -benchtime 1x -timeout 40m ./dnsfilter/peers

fuzz: ## Fuzz every parser of bytes from outside (FUZZ=20 seconds each)
	@grep -rno --include='*_test.go' '^func Fuzz[A-Za-z0-9]*' . | sed 's|/[^/]*_test.go:[0-9]*:func | |' | \
	while read -r package name; do \
		go test -run '^$$' -fuzz "^$$name$$" -fuzztime $(FUZZ)s -fuzzminimizetime 10x "$$package" < /dev/null | grep -v '^fuzz: elapsed'; \
	done

soak: ## A day of questions in minutes: twenty million, and nothing may grow
	@MONBAN_SOAK=1 go test -count=1 -run '^TestSoak$$' -timeout 60m -v ./dnsfilter/server

check: ## Form, vet, staticcheck, generated files, repository rules
	@test -z "$$(gofmt -l . | tee /dev/stderr)" || { echo 'gofmt would change these files'; exit 1; }
	@go vet ./...
	@go tool staticcheck ./...
	@go mod tidy -diff
	@generated() { find . -name '*_templ.go' -exec sha256sum {} + | sort; }; \
	before=$$(generated); $(MAKE) --no-print-directory generate; \
	test "$$before" = "$$(generated)" || { echo 'generated files were old; they are new now'; exit 1; }
	@go test . ./gateway/text

generate: ## Make the Go files of the page's templates again
	@go tool templ generate -log-level error

# What the tests and the benchmark use, by program and package. Without them what
# needs them is skipped, and says so.
tools: WANTED := nft:nftables chromium:chromium systemd-analyze:systemd unbound:unbound dig:bind9-dnsutils musl-gcc:musl-tools \
	cryptsetup:cryptsetup-bin sfdisk:fdisk swtpm:swtpm mke2fs:e2fsprogs
peers: WANTED := unbound:unbound dnsmasq:dnsmasq-base
tools peers:
	@missing=; for p in $(WANTED); do \
		command -v "$${p%:*}" > /dev/null || missing+=" $${p#*:}"; done; \
	test -n "$$missing" || exit 0; \
	if test "$$(id -u)" = 0 && command -v apt-get > /dev/null; then \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -yqq --no-install-recommends $$missing > /dev/null; \
	else echo "missing for some tests or benchmarks:$$missing"; fi

# The package for somebody's own Debian 13. Its files bear the time of the last
# change.
.PHONY: deb test-deb
deb: export ARCH ?= amd64
deb: export RELEASE ?= 0.1.0
deb: export MAINTAINER ?=
deb: export SOURCE_DATE_EPOCH ?= $(shell git log -1 --format=%ct)

deb: ## The Debian package, into bin (ARCH=amd64 or arm64, RELEASE=N.N.N, MAINTAINER='NAME <MAIL>')
	@go run ./cmd/mkimage deb --arch "$$ARCH" --release "$$RELEASE" $${MAINTAINER:+--maintainer "$$MAINTAINER"}

test-deb: ## The package on a running Debian, from installation to purge (root, and the toolbox of make image)
	@MONBAN_DEB=1 go test -count=1 -timeout 20m -v ./image/deb/life

# The firmware. It is built as root; the first build makes a Debian with all tools
# in the cache (MONBAN_IMAGE_CACHE), and fetches the locked packages into it.
.PHONY: image lock
image: export ARCH     ?= amd64
image: export BOARD    ?= uefi
image: export RELEASE  ?= 0.1.0
image: export OUT      ?= bin/image
image: export KEY      ?=
image: export TRUST    ?=
image: export MINIMUM  ?=
image: export NOTES_JA ?=
image: export NOTES_EN ?=

# The shell takes these from its environment: a name with a space or a quote in
# it stays what it is. Only TRUST is a list.
image: ## The firmware, into bin/image (ARCH=amd64 or arm64, BOARD=uefi or rpi, RELEASE=N.N.N, OUT=folder; root). A release also needs TRUST='public keys', MINIMUM=N.N.N, NOTES_JA=file, NOTES_EN=file, and KEY=secret key unless it is signed elsewhere: docs/release.md
	@set -f; set --; for k in $$TRUST; do set -- "$$@" --trust "$$k"; done; \
	go run ./cmd/mkimage build --arch "$$ARCH" --board "$$BOARD" --release "$$RELEASE" --out "$$OUT" "$$@" $${KEY:+--key "$$KEY"} \
		$${MINIMUM:+--minimum "$$MINIMUM"} $${NOTES_JA:+--notes-ja "$$NOTES_JA"} $${NOTES_EN:+--notes-en "$$NOTES_EN"}

lock: ## The newest Debian packages for the firmware, into image/lock (root)
	@go run ./cmd/mkimage lock

# The firmware in QEMU. Two versions are built, of which one is an update.
.PHONY: test-vm test-vm-all
VM_CACHE  := $(or $(MONBAN_IMAGE_CACHE),$(HOME)/.cache/monban-image)
VM_IMAGES := $(VM_CACHE)/vm
test-vm:     MONBAN_VM := 1
test-vm:     VM_ARCHS  := amd64
test-vm-all: MONBAN_VM := all
test-vm-all: VM_ARCHS  := amd64 arm64

test-vm: ## The firmware in QEMU: boot, traffic, a window, an update and a way back (root; a quarter of an hour)
test-vm-all: ## The same, and all bad updates, power cuts and arm64 (root; hours)
# A build machine may be used long after Debian has replaced a locked package.
test-vm test-vm-all:
	@for arch in $(VM_ARCHS); do for version in 0.1.0 0.2.0; do \
		go run ./cmd/mkimage build --test $(if $(filter true,$(CI)),--renew-missing) --cache "$(VM_CACHE)" --arch $$arch --release $$version --out "$(VM_IMAGES)"; done; done
	@test $(MONBAN_VM) != all || go run ./cmd/mkimage build --test --cache "$(VM_CACHE)" --arch arm64 --board rpi --release 0.1.0 --out "$(VM_IMAGES)"
	@MONBAN_VM=$(MONBAN_VM) MONBAN_IMAGE_CACHE="$(VM_CACHE)" MONBAN_VM_IMAGES="$(VM_IMAGES)" go test -count=1 -v -timeout 4h ./image/vm
