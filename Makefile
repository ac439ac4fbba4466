# demo: the whole path on a laptop. test: what CI runs. check: format, lint, types. soak: what takes long.
# Each makes its own .venv from requirements.lock when it is missing or stale.
PYTHON ?= python3
BIN := .venv/bin
export HF_HUB_OFFLINE ?= 1
export TOKENIZERS_PARALLELISM ?= false

.PHONY: demo test check format soak clean
demo: .venv/.ready
	$(BIN)/python -m benchmarks.demo

test: .venv/.ready
	$(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadfile

check: .venv/.ready
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: .venv/.ready
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

soak: .venv/.ready
	$(BIN)/python -m pytest -m soak -n auto --maxprocesses 2 --dist loadfile

.venv/.ready: requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed; name it: make PYTHON=python3.12" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv --clear .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	touch $@

clean:
	rm -rf .venv build *.egg-info .pytest_cache .mypy_cache .ruff_cache
