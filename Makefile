PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# A file's tests stay together, since they share what is slow to make.
WORKERS := --numprocesses logical --maxprocesses 4 --dist loadfile

.PHONY: docs app test check lint chromium format lock clean

app: $(VENV)/.app
	$(BIN)/sk-viz app

# The quick suite, which every change has to pass.
test: lint chromium
	$(BIN)/python -m pytest $(WORKERS)

# The quick suite with every test in its long form, then the benchmarks: figures, without a verdict.
check: lint chromium
	$(BIN)/python -m pytest --long
	$(BIN)/sk-viz bench

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python tests/security/audit.py

chromium:
	@command -v chromium >/dev/null || command -v chromium-browser >/dev/null \
	  || command -v google-chrome >/dev/null || sh tests/browser/install_chromium.sh

format: $(VENV)/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# The exact versions behind the ranges of pyproject.toml and requirements.txt.
lock: $(VENV)/.dev
	$(BIN)/uv pip compile pyproject.toml --all-extras --universal --generate-hashes --no-annotate \
	  --python-version 3.11 --custom-compile-command "make lock" --quiet \
	  --output-file requirements.lock

# The documentation site, in site/.
docs: $(VENV)/.dev
	$(BIN)/python docs/build.py

clean:
	rm -rf $(VENV) build dist *.egg-info

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

# The stamps mean "installed from these lists": touched last, so a broken install is retried.
$(VENV)/.app: requirements.txt pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --editable .
	touch $@

$(VENV)/.dev: requirements.txt pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	touch $@ $(VENV)/.app
