# `make demo` and `make test` do all of their set-up on a fresh Debian or Ubuntu machine, as root or with sudo.

SHELL := /bin/bash
SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo)
# The interpreter itself, not a shim in front of it: a shim adds its own start-up time to every program.
PYTHON := $(shell python3 -c 'import sys; print(sys._base_executable or sys.executable)')
BIN := .venv/bin

.PHONY: help demo test lint format bench docs docs-check dist clean

help:
	@sed -n 's/^\([a-z-]*\):.*## /make \1\t/p' Makefile

# Debian packages that the demo needs, and those that the tests need besides: the peer's programs and other tools.
APT_DEMO := iproute2 iputils-ping iperf3 python3-venv
APT_TEST := $(APT_DEMO) openvswitch-switch openvswitch-testcontroller openvswitch-vtep openvswitch-pki mininet ovn-central etcd-server rpm patchelf elfutils debugedit busybox-static tcpdump tshark ethtool bpftool procps \
            golang-go golang-github-socketplane-libovsdb-dev

.venv/apt-%: Makefile
	@missing=$$(dpkg-query -W -f '$${Package} $${Status}\n' $(APT_$*) 2>/dev/null | awk '/ installed$$/ {print $$1}' | \
	  sort | comm -13 - <(printf '%s\n' $(APT_$*) | sort)); \
	if [ -n "$$missing" ]; then echo "installing: $$missing"; \
	  $(SUDO) apt-get update -q >/dev/null && \
	  $(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $$missing >/dev/null; fi
	@mkdir -p .venv && touch $@

.venv/ready: requirements.lock pyproject.toml .venv/apt-DEMO $(wildcard scripts/*)
	@[ -x $(BIN)/pip ] || $(PYTHON) -m venv .venv
	@echo "installing Python packages into .venv"
	@$(BIN)/pip install -q --disable-pip-version-check -r requirements.lock
	@$(BIN)/pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

.venv/dev: requirements-dev.lock .venv/ready
	@echo "installing what tests and lint need into .venv"
	@$(BIN)/pip install -q --disable-pip-version-check -r requirements-dev.lock
	@touch $@

demo: .venv/ready  ## the main job on real packets: three hosts, two VLANs, one switch
	@$(BIN)/vswitch demo

test: .venv/dev .venv/apt-TEST  ## every test
	$(BIN)/pytest

lint: .venv/dev  ## ruff, ruff format, mypy --strict, codespell
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/codespell src tests docs bench *.md
	$(BIN)/python docs/render.py --check

format: .venv/dev  ## let ruff lay out the code
	$(BIN)/ruff check --fix-only
	$(BIN)/ruff format

bench: .venv/dev .venv/apt-TEST  ## ours beside the peer's, in one run
	@$(BIN)/python -m bench

# The release of Open vSwitch whose place this one takes: packages of hosts are known by it.
OVS_VERSION := $(shell sed -n 's/^ *"\([0-9][0-9.]*\)".*/\1/p' src/vswitch/base/version.py)

dist:  ## the source tarball, for rpmbuild
	@git archive --prefix=openvswitch-$(OVS_VERSION)/ -o openvswitch-$(OVS_VERSION).tar.gz HEAD
	@echo openvswitch-$(OVS_VERSION).tar.gz

docs: .venv/dev  ## the references in docs/ref, from the tables in the source
	$(BIN)/python docs/render.py

docs-check: .venv/dev
	$(BIN)/python docs/render.py --check

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis dist openvswitch-*.tar.gz
