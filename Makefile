# Two commands on a fresh machine: `make demo` and `make test`. Both make their own environment.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test lint types docs unit bench clean

demo: $(VENV)/demo.stamp
	$(BIN)/nebulatent demo --out runs/demo --overwrite

test: lint types docs unit

lint: $(VENV)/dev.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

types: $(VENV)/dev.stamp
	$(BIN)/basedpyright

docs: $(VENV)/dev.stamp
	$(BIN)/mkdocs build --strict --quiet

# One thread a worker: two workers with two threads each on two cores wait for one another.
unit: $(VENV)/dev.stamp
	OMP_NUM_THREADS=1 $(BIN)/pytest -q -n 2 --dist worksteal

bench: $(VENV)/bench.stamp
	$(BIN)/python benchmarks/nvc.py
	$(BIN)/python benchmarks/engine.py
	$(BIN)/python benchmarks/memory.py
	$(BIN)/python benchmarks/points.py
	$(BIN)/python benchmarks/probes.py
	$(BIN)/python benchmarks/voxels.py

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet -c constraints.txt --upgrade pip

# torch first and by its exact version: an open range pulls gigabytes of CUDA packages.
$(VENV)/demo.stamp: $(VENV)/bin/python pyproject.toml constraints.txt
	$(BIN)/pip install --quiet -c constraints.txt torch==2.13.0
	$(BIN)/pip install --quiet -c constraints.txt -e ".[all]"
	touch $@

$(VENV)/dev.stamp: $(VENV)/demo.stamp
	$(BIN)/pip install --quiet -c constraints.txt --group dev --group docs
	touch $@

$(VENV)/bench.stamp: $(VENV)/demo.stamp
	$(BIN)/pip install --quiet -c constraints.txt --group bench
	touch $@

clean:
	rm -rf $(VENV) site runs
