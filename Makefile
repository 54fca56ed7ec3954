# `make demo` runs the main job and `make test` the tests; each sets up what it needs in .venv first.
SHELL := /bin/bash
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/installed
STAMP := $(VENV)/prepared
# Tests of one file stay together: what they share is made once.
WORKERS ?= 2
PYTEST = "$(BIN)/python" -m pytest -q -n $(WORKERS) --dist loadfile --durations 15
EXTRAS := tx,rx,train,text,lora,fast,live,video,data,pluto,usrp,soapy,lab,ray,docs,dev

.DEFAULT_GOAL := help
.PHONY: help setup ready usrp soapy demo test test-fast proof lint bench docs notebooks docs-commands sharing-map emulated-plutos fuzz chaos soak mutants audit build clean
IMAGES ?= demo
OUT ?= emulated-plutos-run

help:  ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## */\t/' | expand -t 12

# TORCH=cpu: PyTorch's CPU build, for machines without CUDA (the public index serves gigabytes of CUDA otherwise).
# TORCH=none: no torch, a transmitter only. Empty: the build that pip's index serves. Counts when .venv is set up.
TORCH ?=
TORCH_INDEX ?= https://download.pytorch.org/whl/cpu
ifeq ($(TORCH),none)
EXTRAS := tx,fast,video,pluto,usrp,soapy
endif

# torch comes first and by its exact version, so that nothing else gets to choose another build of it.
$(INSTALLED): pyproject.toml constraints.txt
	@test -x "$(BIN)/python" || "$(PYTHON)" -m venv "$(VENV)"
	@echo "setting up $(VENV); the first time takes a few minutes"
	@case "$(TORCH)" in none) ;; \
	  cpu) "$(BIN)/python" -m pip install --quiet --disable-pip-version-check --index-url "$(TORCH_INDEX)" \
	       "$$(grep '^torch==' constraints.txt)" ;; \
	  "") "$(BIN)/python" -m pip install --quiet --disable-pip-version-check "$$(grep '^torch==' constraints.txt)" \
	       -c constraints.txt ;; \
	  *) echo "TORCH=$(TORCH) is unknown: cpu, none, or nothing" >&2; exit 2 ;; \
	esac
	@"$(BIN)/python" -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[$(EXTRAS)]"
	@touch "$@"

# What the first run would otherwise wait for: the hot loops, compiled.
$(STAMP): $(INSTALLED)
	@"$(BIN)/semnoma-hil" prepare
	@touch "$@"

setup: $(STAMP)  ## set up .venv and nothing else: TORCH=cpu or TORCH=none choose the build of torch

# The vendors' libraries come from the distribution. MODULES: those of your radios, e.g. MODULES="lms7 hackrf rtlsdr".
APT := $(if $(filter 0,$(shell id -u)),,sudo )apt-get install -y
MODULES ?= all

usrp: $(STAMP)  ## UHD from the distribution, and the USRPs that it finds on USB
	@command -v uhd_find_devices >/dev/null || $(APT) uhd-host
	"$(BIN)/semnoma-hil" devices --kind usrp

soapy: $(STAMP)  ## SoapySDR from the distribution, and the radios that it finds: MODULES="lms7 hackrf"
	@command -v SoapySDRUtil >/dev/null || $(APT) soapysdr-tools $(addprefix soapysdr-module-,$(MODULES))
	"$(BIN)/semnoma-hil" devices --kind soapy

demo: $(STAMP)  ## two users' pictures over one simulated air: demo-run/report.html
	@rm -rf demo-run
	"$(BIN)/semnoma-hil" loopback --out demo-run

lint: $(INSTALLED)  ## ruff and mypy
	"$(BIN)/ruff" check .
	"$(BIN)/ruff" format --check .
	"$(BIN)/mypy"

# On two cores the types are checked while the hot loops are compiled: each takes one.
ready: $(INSTALLED)
	@$(MAKE) --no-print-directory --jobs 2 --output-sync lint $(STAMP)

test-fast: ready  ## linters, type checker and the tests that wait for no job, training or build: WORKERS=2
	$(PYTEST) -m "not slow and not proof"

test: test-fast  ## all that test-fast runs, then the tests that wait
	$(PYTEST) -m slow

proof: $(STAMP)  ## tests that prove at length: nodes on several hosts, rough weather
	"$(BIN)/python" -m pytest -q -m proof

bench: $(STAMP)  ## timings of every part, as a table and as JSON
	"$(BIN)/semnoma-hil" bench

docs: $(STAMP)  ## the documentation site: site/index.html
	NO_MKDOCS_2_WARNING=1 "$(BIN)/mkdocs" build --strict --quiet

notebooks: $(STAMP)  ## run the notebooks of the documentation and keep what they show
	"$(BIN)/python" -m tests.docs.notebooks

docs-commands: $(STAMP)  ## run every command of the documentation that needs no radio, big data or hours
	SEMNOMA_DOCS=all "$(BIN)/python" -m pytest -q tests/docs --timeout 1800

sharing-map: $(STAMP)  ## the map of docs/reasons/sharing.md with the packaged weights: IMAGES=DIR of pictures of one size
	"$(BIN)/semnoma-hil" compare sharing --images "$(IMAGES)" --scheme student-2u,superposed-2u --limit 16 \
	    --users 1,2,4,8 --antennas 1,2,4 --snr 0:20:5 --channel rayleigh,tdl-a --out sharing-map --resume
	cp sharing-map/sharing.csv sharing-map/sharing.png docs/

emulated-plutos: $(STAMP)  ## the job over three emulated Plutos and the real libiio: IMAGES=DIR OUT=DIR
	"$(BIN)/python" -m tests.emulated_pluto.job --images "$(IMAGES)" --out "$(OUT)"

FUZZ_MINUTES ?= 8
FUZZ_ITEMS ?= 1000000

fuzz: $(STAMP)  ## FUZZ_ITEMS damaged messages, headers, configurations; then FUZZ_MINUTES guided by coverage
	"$(BIN)/python" -m pip install --quiet --disable-pip-version-check -c constraints.txt "atheris>=3"
	"$(BIN)/python" -m tests.proof.fuzz --items "$(FUZZ_ITEMS)"
	"$(BIN)/python" -m tests.proof.guided --minutes "$(FUZZ_MINUTES)"

KILLS ?= 200
FREEZES ?= 200

chaos: $(STAMP)  ## one experiment of four users over KILLS kills and FREEZES freezes
	"$(BIN)/python" -m tests.proof.chaos --kills "$(KILLS)" --freezes "$(FREEZES)"

SOAK_MINUTES ?= 10

soak: $(STAMP)  ## SOAK_MINUTES of paced real time: every node's memory over time, and its slope
	"$(BIN)/python" -m tests.proof.soak --minutes "$(SOAK_MINUTES)"

MUTANTS ?= safety results session waveform

mutants: $(STAMP)  ## small changes that no test notices: MUTANTS="safety session" (hours; the waveform a night)
	"$(BIN)/python" -m pip install --quiet --disable-pip-version-check -c constraints.txt "cosmic-ray>=8.4"
	@for room in $(MUTANTS); do \
	  echo "$$room" && \
	  "$(BIN)/cosmic-ray" init --force "tests/mutants/$$room.toml" mutants.sqlite && \
	  "$(BIN)/cr-filter-operators" mutants.sqlite "tests/mutants/$$room.toml" && \
	  PATH="$(CURDIR)/$(BIN):$$PATH" "$(BIN)/cosmic-ray" exec "tests/mutants/$$room.toml" mutants.sqlite && \
	  "$(BIN)/cr-report" --surviving-only mutants.sqlite || exit 1; \
	done

AUDIT_TOOLS := "pip-audit>=2.7" "bandit>=1.7" "cyclonedx-bom>=7"

audit: $(STAMP)  ## what is known against dependencies and code; sbom.json, the bill of materials
	"$(BIN)/python" -m pip install --quiet --disable-pip-version-check -c constraints.txt $(AUDIT_TOOLS)
	"$(BIN)/python" -m tests.proof.audit --sbom sbom.json

build: $(STAMP)  ## wheel and source archive with their bill of materials: dist/
	"$(BIN)/python" -m pip install --quiet --disable-pip-version-check -c constraints.txt "cyclonedx-bom>=7"
	"$(BIN)/python" -m hatchling build -d dist
	"$(BIN)/cyclonedx-py" environment --pyproject pyproject.toml --output-reproducible -o dist/sbom.json

clean:  ## remove what the targets made
	rm -rf "$(VENV)" demo-run site dist sbom.json .pytest_cache .ruff_cache .mypy_cache .hypothesis
