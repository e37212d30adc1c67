# make demo   the whole house on this machine, from nothing (Python >= 3.11 and a package index)
# make test   every test, from nothing
# make check  lint, types, import contract
# make env    only the environment, in .venv, and what the demo begins with
# make lock   new versions into requirements/*.lock

PYTHON ?= python3
PIP = .venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes

.PHONY: demo test check env lock

env: .venv/runtime.stamp
	@.venv/bin/python -m samples.opening || echo "the demo begins without its year of 2,000 clients"

.venv/runtime.stamp: requirements/runtime.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed: make PYTHON=python3.12 ..."; exit 1; }
	@test -x .venv/bin/python || $(PYTHON) -m venv .venv || { echo "python3 -m venv failed: install the package python3-venv"; exit 1; }
	@echo "building the environment in .venv (a minute or two, once)"
	@$(PIP) -r requirements/runtime.lock
	@echo "building the index of the library (ten seconds, once; the bot does it itself where it is missing)"
	@.venv/bin/python -m bot ask 您好 >/dev/null 2>&1 || true
	@touch $@

.venv/dev.stamp: .venv/runtime.stamp requirements/dev.lock
	@$(PIP) -r requirements/dev.lock
	@touch $@

demo: env
	@exec .venv/bin/python -m bot demo

test: .venv/dev.stamp
	@sh tools/system-packages.sh
	@.venv/bin/python -m pytest -q -n 2 --dist loadfile

check: .venv/dev.stamp
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/lint-imports
	sh tools/lock-holds-no-address.sh

lock:
	cd requirements && uv pip compile runtime.in --universal --python-version 3.11 --generate-hashes --no-header --no-annotate -o runtime.lock
	cd requirements && uv pip compile dev.in --universal --python-version 3.11 --generate-hashes --no-header --no-annotate -c runtime.lock -o dev.lock
