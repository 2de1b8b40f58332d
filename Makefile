# `make run` and `make test` need Python >= 3.11 and nothing else. `make help` lists the rest.

DATA_DIR ?= var
WORKERS ?= 2
SIZES ?= 10000,100000,1000000
ARGS ?=

BIN := .venv/bin
MANAGE := $(BIN)/python manage.py
# Checks read the settings but need no server.
NO_SERVERS := CRM_EMBEDDED=off DATABASE_URL=postgres://crm@localhost/crm REDIS_URL=redis://localhost:6379/0
PRODUCTION := CRM_ENV=production DEBUG=off ALLOWED_HOSTS=crm.example.com $(NO_SERVERS)
CHECKS := lint format types contracts templates migrations translations schema deploy
UV := $(shell command -v uv 2>/dev/null)

export DATA_DIR SIZES

.DEFAULT_GOAL := help
.PHONY: help setup run test bench check stop lock messages openapi client clean
.PHONY: $(addprefix check-,$(CHECKS))

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-20s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo
	@echo "  Variables: PORT=8000 HOST=127.0.0.1 DEMO=small|full|none DATA_DIR=var DATABASE_URL= REDIS_URL= (docs/operation.md)"

setup: ## make the clone ready: environment, locked packages, front end, translations
	@python=$$(sh scripts/find_python.sh) && exec "$$python" scripts/setup.py

run: setup ## start everything and print the address; Ctrl-C stops it
	@exec $(BIN)/python -m crm.supervisor

test: setup ## run the whole suite against real servers of its own; ARGS= goes to pytest
	@exec $(BIN)/python -m crm.embedded --data-dir "$(DATA_DIR)/test" run -- \
		$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile $(ARGS)

bench: setup ## run the benchmarks, print a table, write benchmarks/results.json; SIZES=10000,100000,1000000
	@exec $(BIN)/python -m benchmarks.run $(ARGS)

stop: ## stop what `make run` or a manage command left running in DATA_DIR
	@test -x $(BIN)/python || { echo "nothing was set up here"; exit 0; }; \
		$(BIN)/python -m crm.supervisor --stop

# --- Checks: each is a target of its own ------------------------------------------------------------------------------

check: $(addprefix check-,$(CHECKS)) ## lint, types, contracts, translations, migrations, schema; each also as check-NAME

check-lint: setup
	$(BIN)/ruff check .

check-format: setup
	$(BIN)/ruff format --check .

check-types: setup
	$(NO_SERVERS) $(BIN)/mypy

check-contracts: setup
	$(BIN)/lint-imports

check-templates: setup
	$(BIN)/djlint --lint --quiet $(wildcard templates */templates)

check-migrations: setup
	$(NO_SERVERS) $(BIN)/python -W ignore::RuntimeWarning manage.py makemigrations --check --dry-run

check-translations: setup
	$(BIN)/python scripts/check_translations.py

check-schema: setup
	$(NO_SERVERS) $(MANAGE) spectacular --validate --fail-on-warn --file .openapi.new
	@cmp -s .openapi.new docs/openapi.yaml && rm .openapi.new || \
		{ diff -u docs/openapi.yaml .openapi.new | head -40; rm -f .openapi.new; \
		  echo "docs/openapi.yaml is not what the code says; run: make openapi"; exit 1; }

check-deploy: setup
	SECRET_KEY=$$($(BIN)/python -c "import secrets; print(secrets.token_urlsafe(50))") $(PRODUCTION) \
		$(MANAGE) check --deploy --fail-level WARNING

# --- Written by machines, committed by people -------------------------------------------------------------------------

messages: setup ## merge the texts in use into the Chinese translations
	$(BIN)/python scripts/check_translations.py --update

openapi: setup ## write docs/openapi.yaml
	$(NO_SERVERS) $(MANAGE) spectacular --validate --fail-on-warn --file docs/openapi.yaml

client: setup ## write a typed Python client of the API into client/ (git-ignored, made from docs/openapi.yaml)
	$(BIN)/python scripts/make_client.py

lock: ## bring requirements/*.txt up to date with requirements/*.in (needs uv)
	@test -n "$(UV)" || { echo "make lock needs uv on the PATH (pip install uv)"; exit 1; }
	@for name in base dev node; do \
		echo "locking requirements/$$name.txt"; \
		$(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
			$(ARGS) requirements/$$name.in --output-file requirements/$$name.txt || exit 1; \
	done

clean: stop ## remove everything that `make setup` made; the data in DATA_DIR stay
	rm -rf .venv .node node_modules static/vendor .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find locale -name '*.mo' -delete
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
