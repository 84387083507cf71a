# One command each. Every target sets up what it needs from a fresh clone (Python >= 3.11 with venv, Node >= 20).
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
CONSOLE := src/khue/console
SETUP := .setup
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: demo test lint bench clean setup peers console requirements fuzz

demo: setup
	$(BIN)/khue demo $(ARGS)

test: setup peers
	$(BIN)/pytest -n 2 --dist worksteal --hypothesis-profile=ci $(ARGS)
	cd $(CONSOLE) && npm run --silent test

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	cd $(CONSOLE) && npm run --silent check

bench: setup peers
	$(BIN)/python -m bench all $(ARGS)

# Coverage-guided fuzzing of every parser, a while each (the tests run the same parsers with hypothesis).
fuzz: setup
	$(BIN)/pip install -qq atheris==3.0.0
	for target in tests/fuzz/targets/*.py; do $(BIN)/python $$target -max_total_time=30 || exit 1; done

setup: $(SETUP)/python $(SETUP)/console

$(SETUP)/python: requirements-dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "khue needs Python 3.11 or newer; set PYTHON=..."; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install -qq --require-hashes -r requirements-dev.txt
	$(BIN)/pip install -qq --no-deps -e .
	@mkdir -p $(SETUP) && touch $@

CONSOLE_SOURCES := $(shell find $(CONSOLE) -path '*/node_modules' -prune -o -path '*/dist' -prune -o -type f -print 2>/dev/null)

$(SETUP)/npm: $(CONSOLE)/package-lock.json
	@node -e 'const [a, b] = process.versions.node.split("."); process.exit(a < 20 || (a == 20 && b < 19) ? 1 : 0)' \
		|| { echo "khue's console needs Node 20.19 or newer"; exit 1; }
	cd $(CONSOLE) && npm ci --silent --no-audit --no-fund
	@mkdir -p $(SETUP) && touch $@

$(SETUP)/console: $(SETUP)/npm $(CONSOLE_SOURCES)
	cd $(CONSOLE) && npm run --silent build
	@mkdir -p $(SETUP) && touch $@

console: $(SETUP)/console

# Programs that tests and benchmarks measure against. Without root they are left alone and their tests say that they skip.
PEERS := chromium ffmpeg gstreamer1.0-tools gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-plugins-bad \
	gstreamer1.0-plugins-ugly gstreamer1.0-libav gstreamer1.0-rtsp gir1.2-gst-rtsp-server-1.0 python3-gi fonts-dejavu-core

peers:
	@if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && ! dpkg -s $(PEERS) >/dev/null 2>&1; then \
		echo "installing what the tests compare with: $(PEERS)"; \
		(apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $(PEERS)) >/dev/null \
		|| echo "could not install them; tests that need them will skip"; \
	fi
	@cd tests/peers/oidc && { cmp -s package-lock.json node_modules/.installed || \
		{ npm ci --silent --no-audit --no-fund && cp package-lock.json node_modules/.installed; } \
		|| echo "could not install the OpenID provider; tests that need it will skip"; }

# After a change of dependencies in pyproject.toml.
requirements:
	$(BIN)/pip install -qq pip-tools
	for extra in "" "--extra dev"; do \
		$(BIN)/pip-compile -q --generate-hashes --no-header --strip-extras --allow-unsafe --no-emit-index-url --no-emit-find-links \
		--no-emit-trusted-host $$extra -o requirements$${extra:+-dev}.txt pyproject.toml || exit 1; done

clean:
	rm -rf $(VENV) $(SETUP) $(CONSOLE)/node_modules $(CONSOLE)/dist .mypy_cache .ruff_cache .pytest_cache .hypothesis bench/out
