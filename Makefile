# Two commands: `make up` and `make test`. Everything they start and make is named in `make status` and removed by `make down`.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
export PATH := $(CURDIR)/.venv/bin:$(PATH):/usr/sbin:/sbin

.PHONY: help up down status clean tools test lint unit conformance provisioning matrix weather molecule scenarios e2e hygiene image arm64 faults lock

help: ## This page
	@awk -F ':.*## ' '/^[a-z0-9%-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

up: ## Highly available Airflow on the local region; again: the short way
	@tools/up

status: tools ## What runs, where, and how to reach it
	@python -m local_region status
	@tools/summary

down: ## Removes everything that `make up` made but the cached images
	@[ ! -x .venv/bin/python ] || python -m local_region down

clean: ## `make down`, and the cached images, tools and keys
	@[ ! -x .venv/bin/python ] || python -m local_region clean
	@rm -rf .venv .local packer/rehearsal

tools: ## Installs what is missing on this machine
	@tools/bootstrap

test: ## Every test but `make matrix`, with a summary line each
	@tools/test

lint: tools ## ansible-lint (production), ruff, yamllint, shellcheck, packer fmt
	@tools/lint

unit: tools ## Unit and contract tests
	@python -m pytest

conformance: tools ## The local region, driven with plain boto3
	@python -m local_region images
	@python -m pytest tests/conformance

provisioning: tools ## The AWS side: bad input, and a stack that is planned, made, repaired and removed
	@python -m pytest -s tests/provisioning

matrix: tools ## The AWS side of every kind of stack, about an hour
	@PROVISION_CELLS=all python -m pytest -s tests/provisioning/test_stack.py

weather: tools ## The AWS side while AWS throttles, fails and denies, and while runs are killed, about an hour
	@PROVISION_WEATHER=1 python -m pytest -s tests/provisioning/test_weather.py

molecule: tools ## Roles in systemd containers: Airflow 3, and Airflow 2 with its way to Airflow 3
	@tools/molecule test -s default -s airflow2

scenarios: tools ## Every scenario of Molecule: besides those two PgBouncer, sign-in, DAGs from git and S3, a pair of hosts, Debian 12, the locks
	@tools/molecule test --all

e2e: tools ## The main job, a killed host, teardown
	@python -m pytest -s tests/e2e

hygiene: tools ## The finished image: inspected without booting it, every fault planted in it is found; it mounts by NFS 4.1
	@python -m pytest -s tests/image

image: tools ## Images of both versions of Airflow: baked, booted, proven by a DAG run; 2.11 moves to 3.3; about half an hour
	@E2E_VERSIONS=1 python -m pytest -s tests/e2e/test_versions.py
	@IMAGE_VARIABLES=tests/e2e/airflow2.yml python -m pytest -s tests/image

arm64: tools ## The image on emulated arm64: baked, booted with its own kernel, NFS 4.1; an hour, alone; not part of `make test`
	@python -m pytest -s tests/arm64

faults: tools ## Faults under load, with every attempt of every task in a ledger, on a stack of its own; an hour and a quarter, alone
	@python -m pytest -s tests/faults

lock: tools ## Resolves controller.lock and the locks of Airflow anew, and installs each of them
	@uv pip compile -q --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.11 --upgrade \
	  --group local_region --group test pyproject.toml -o controller.lock
	@packer/lock
	@tools/audit
	@tools/molecule test -s locks

bench-%: tools ## A measurement of bench/: bench-rerun, bench-boot, bench-throughput (on the stack that `make up` made), bench-provision (without one), bench-install
	@PYTHONPATH=. python bench/$*.py
