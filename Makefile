# make demo    install into .venv (once), render a small shot, learn it from five frames, finish it
# make test    install into .venv (once), run the whole test suite; ARGS="..." goes to pytest
# make check   install into .venv (once), then ruff, its format, mypy, and which room imports which
# make install only that

VENV    := .venv
BIN     := $(VENV)/bin
ARGS    ?=
WORKERS ?= 2
EXTRAS  := movie,onnx,openvino,server,grpc,ray,farm,test,dev
# The stamp carries the content of what is to be installed, not its date: a fresh checkout, or a touched
# file, installs nothing anew.
STAMP   := $(VENV)/.installed-$(shell cat pyproject.toml constraints.txt Makefile | cksum | tr ' ' '-')
BROKEN  := $(VENV)/.installing
# The first Python on this machine that is new enough.
PYTHON  ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
             $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)

.PHONY: demo test check install clean

demo: $(STAMP)
	@$(BIN)/python examples/demo/run.py $(ARGS)

# One thread per worker: two workers with two threads each would fight over two cores.
test: $(STAMP)
	@OMP_NUM_THREADS=1 MKL_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 \
	  $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --durations=15 $(ARGS)

# lint-imports: the rules stand in pyproject.toml.
check: $(STAMP)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo

install: $(STAMP)

$(STAMP):
	@test -n "$(PYTHON)" || { \
	  echo "understudy needs Python 3.11 or newer; this machine has: $$(python3 --version 2>&1 || echo none)." >&2; \
	  echo "Install one, or name it: make $(MAKECMDGOALS) PYTHON=/path/to/python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "understudy needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) --version 2>&1)." >&2; exit 1; }
	@# An installation that was cut short cannot be trusted, a folder without a working pip neither.
	@if test -e $(BROKEN) || ! $(BIN)/python -m pip --version >/dev/null 2>&1; then \
	  $(PYTHON) -m venv --clear $(VENV) || { \
	    echo "The virtual environment could not be made; on Debian: apt-get install python3-venv" >&2; exit 1; }; \
	fi
	@touch $(BROKEN)
	@echo "Installing into $(VENV), once; this takes some minutes ..."
	@$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt -e '.[$(EXTRAS)]'
	@rm -f $(VENV)/.installed-* $(BROKEN)
	@touch $@

clean:
	rm -rf $(VENV) build dist src/*.egg-info
