# Every command of the project; bare `make` lists them.
#
# All of them build with one profile (release) and one selection of features, so
# that nothing is compiled twice; see docs/adr/0006-one-profile.md.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

# Every package with its default features; RocksDB is one of them.
SELECTION := --workspace

ifeq ($(CI),true)
export CARGO_TARGET_DIR ?= $(HOME)/.cache/balsa-target
endif
TARGET_DIR := $(or $(CARGO_TARGET_DIR),target)

# The same for every command: a changed CXX would compile RocksDB again.
ifneq ($(shell command -v ccache),)
export CXX := ccache g++
endif

# What `make sim` runs: seeds of five simulated minutes, and short ones.
FIRST_SEED ?= 1
SEEDS ?= 200
SHORT_SEEDS ?= 100

# What `make fuzz` runs, and for how many seconds each.
FUZZ_TARGETS ?= frames memberships log snapshots commands installations requests
SECONDS ?= 60

.PHONY: help run deps build test check sim fuzz fmt doc clean
.PHONY: announce fmt-check clippy doc-check rules deny equal-histories

help: ## List the commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{ printf "  make %-10s %s\n", $$1, $$2 }'

run: build ## Build everything and start a single node on etcd's default ports, with its data in ./default.balsa
	exec $(TARGET_DIR)/release/balsa

deps: ## Install g++, libclang and protoc by apt, or say how (when not root)
	@scripts/deps

build: deps announce ## Build everything
	cargo build --release $(SELECTION)

test: deps announce ## Run all tests
	cargo test --release $(SELECTION)
	cargo test --release --package balsa-sim --features planted-bugs

check: fmt-check clippy doc-check rules deny ## Everything that must hold before a commit: format, clippy, docs, rules

sim: ## Simulate clusters: SEEDS seeds (200) of five minutes from FIRST_SEED (1) on, short ones with least limits, and compare debug with release; then meet every state of small clusters
	cargo run --release --package balsa-sim -- run --first-seed $(FIRST_SEED) --seeds $(SEEDS)
	cargo run --release --package balsa-sim -- run --first-seed $(FIRST_SEED) --seeds $(SHORT_SEEDS) --short --least-limits
	@$(MAKE) --no-print-directory equal-histories ARGS="run --first-seed $(FIRST_SEED) --seeds 20 --short"
	@$(MAKE) --no-print-directory equal-histories ARGS="run --first-seed $(FIRST_SEED) --seeds 20 --short --least-limits"
	@$(MAKE) --no-print-directory equal-histories ARGS="replay $(FIRST_SEED) --short"
	cargo run --release --package balsa-sim -- explore

# One seed is one history: processes built for debug and for release print the same bytes.
equal-histories:
	cargo run --release --package balsa-sim -- $(ARGS) >$(TARGET_DIR)/sim-release.txt
	cargo run --package balsa-sim -- $(ARGS) >$(TARGET_DIR)/sim-debug.txt
	cmp $(TARGET_DIR)/sim-release.txt $(TARGET_DIR)/sim-debug.txt

fuzz: ## Fuzz each target for SECONDS (60), with cargo-fuzz and a nightly toolchain
	@for target in $(FUZZ_TARGETS); do \
		mkdir -p "$(TARGET_DIR)/fuzz-corpus/$$target"; \
		cargo +nightly fuzz run --fuzz-dir fuzz "$$target" \
			"$(TARGET_DIR)/fuzz-corpus/$$target" "fuzz/corpus/$$target" \
			-- -max_total_time=$(SECONDS) -max_len=4096 -print_final_stats=1; \
	done

fmt: ## Format the source
	cargo fmt --all

doc: ## Build the libraries' documentation
	cargo doc --release --no-deps $(SELECTION)
	@echo "Open $(TARGET_DIR)/doc/raft_core/index.html"

clean: ## Remove what was built
	cargo clean

# The parts of `check`; it only looks, `make fmt` is what changes files.

fmt-check:
	cargo fmt --all -- --check

clippy:
	cargo clippy --release $(SELECTION) --all-targets -- -D warnings

doc-check:
	RUSTDOCFLAGS="-D warnings" cargo doc --release --no-deps --document-private-items $(SELECTION)

rules:
	cargo test --release $(SELECTION) --test repository -- --nocapture

deny:
	@if command -v cargo-deny >/dev/null; then \
		cargo deny check --hide-inclusion-graph bans licenses sources; \
	else \
		echo "cargo-deny is not installed: licences and sources go unchecked (cargo install --locked cargo-deny)"; \
	fi

announce:
	@scripts/announce-rocksdb "$(TARGET_DIR)" $(SELECTION)
