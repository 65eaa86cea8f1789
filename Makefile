# `make` alone lists the verbs. Needs Rust, Python 3.11 or newer, and make.

SHELL := /bin/sh
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
TOOLS := $(VENV)/installed
STACK := $(BIN)/python infra/local/stack.py
OPERATE := PYTHONPATH=infra/local $(BIN)/python
BACKFILL := $(OPERATE) infra/backfill.py
FUNCTIONS := $(notdir $(patsubst %/Cargo.toml,%,$(wildcard functions/*/Cargo.toml)))
PACKAGES := $(FUNCTIONS:%=-p %)
DEBUG := $(or $(CARGO_TARGET_DIR),target)/debug
SAMCONFIG := samconfig.local.toml
# Once deployed, an installation keeps its architecture.
DEPLOYED_ARCH := $(shell sed -n 's/.*Architecture=\\*"\([a-z0-9_]*\).*/\1/p' $(SAMCONFIG) 2>/dev/null)
ARCH ?= $(or $(DEPLOYED_ARCH),arm64)
export SAM_CLI_TELEMETRY := 0
# cargo finds cargo-lambda, and cargo-lambda its linker, on the path.
export PATH := $(CURDIR)/$(BIN):$(PATH)

.PHONY: help setup databases build check test bench demo up down status logs invoke backfill api-key webhook-register fuzz deploy fmt clean

help: ## List the verbs
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1 \2/p' Makefile | while read -r verb text; do printf '  %-16s %s\n' "$$verb" "$$text"; done

setup: $(TOOLS) databases ## Create .venv with the pinned tools; install the databases that tests need

databases: ## Install PostgreSQL and MariaDB for the tests, where Debian packages can be; say what is missing elsewhere
	@infra/databases

$(TOOLS): requirements-dev.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; name it with PYTHON=..."; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --requirement requirements-dev.txt
	@touch $@

build: ## Compile functions, simulators and the command line for this machine; functions into target/lambda
	cargo build --locked $(PACKAGES)
	cargo build --locked -p simulators -p deskbridge
	@for name in $(FUNCTIONS); do \
	  mkdir -p target/lambda/$$name && \
	  { cmp -s $(DEBUG)/$$name target/lambda/$$name/bootstrap || cp $(DEBUG)/$$name target/lambda/$$name/bootstrap; } || exit 1; \
	done

check: $(TOOLS) ## Format, lints, docs, licences, template
	cargo fmt --all -- --check
	cargo clippy --workspace --all-targets --locked -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --locked
	cargo deny --locked check licenses bans sources
	@if cargo deny --locked fetch db >/dev/null 2>&1; then cargo deny --locked check advisories; \
	else echo "advisories not checked: the RustSec database cannot be reached from here"; fi
	sam validate --lint --template infra/template.yaml --region us-east-1
	cfn-lint infra/template.yaml
	$(BIN)/python infra/lint_state_machines.py

# One cargo command for all tests: another selection of packages would have other features, and the
# SDKs would be compiled once more.
test: build $(TOOLS) databases ## All tests: unit, conformance, and end-to-end on a stack of their own
	cargo test --workspace --locked --no-run
	$(STACK) -p 'TicketTagsSchedule=rate(1 minute)' -p ApiRatePerKey=100000 -p ApiRatePerAddress=10000 --tickets 500 run -- cargo test --workspace --locked --no-fail-fast

bench: $(TOOLS) ## Size, start, speed, memory, credits, calls of a chat and of the hub, sources; BENCH_OPTIONS=--million adds long runs
	cargo build --release --locked -p tickets -p salesiq-webhook -p integrations-api -p integrations-worker -p database-worker
	cargo run --locked -p bench -- $(BENCH_OPTIONS)

demo: build $(TOOLS) ## All reports from a simulated account to S3; KEEP=1 leaves the stack up
	$(STACK) $(STACK_OPTIONS) demo $(if $(KEEP),--keep)

up: build $(TOOLS) ## Start the local stack, or deploy what changed to it
	$(STACK) $(STACK_OPTIONS) up

down: $(TOOLS) ## Stop the local stack
	$(STACK) down

status: $(TOOLS) ## Say what runs where
	$(STACK) status

logs: $(TOOLS) ## Print a function's logs from the local stack; FUNCTION=tickets, all without it
	$(STACK) logs $(FUNCTION)

invoke: $(TOOLS) ## Run a function on the local stack; FUNCTION=tickets [EVENT=events/tickets.json]
	@test -n "$(FUNCTION)" || { echo "name it: make invoke FUNCTION=tickets"; exit 1; }
	$(STACK) exec -- cargo lambda invoke --remote $(FUNCTION) --data-file $(or $(EVENT),events/$(FUNCTION).json)

backfill: $(TOOLS) ## Read a large span in windows; REPORT=tickets SINCE=2024-01-01 [UNTIL=...], FULL=1, or EXECUTION=arn
	@$(BACKFILL) $(if $(REPORT),--report '$(REPORT)') $(if $(SINCE),--since '$(SINCE)') $(if $(UNTIL),--until '$(UNTIL)') \
	  $(if $(FULL),--full '$(FULL)') $(if $(EVENT),--event '$(EVENT)') $(if $(EXECUTION),--execution '$(EXECUTION)') $(if $(REDRIVE),--redrive '$(REDRIVE)')

api-key: $(TOOLS) ## Issue a key of the ticket API: NAME=... SCOPES=read,write,admin [DAYS=...]; of the hub: TENANT=...
	@$(OPERATE) infra/api_key.py --name '$(NAME)' --scopes '$(or $(SCOPES),read)' $(if $(DAYS),--days $(DAYS)) $(if $(TENANT),--tenant '$(TENANT)')

webhook-register: $(TOOLS) ## Have Zoho Desk send its events here; [URL=...], REMOVE=1 ends it
	@$(OPERATE) infra/desk_webhook.py $(if $(URL),--url '$(URL)') $(if $(REMOVE),--remove)

fuzz: ## Fuzz the webhooks' parsers; SECONDS=60 for each
	fuzz/run all $(or $(SECONDS),60)

deploy: $(TOOLS) ## Deploy to your AWS account; ARCH=arm64 or x86_64, asked for the rest the first time
	$(if $(filter-out $(DEPLOYED_ARCH),$(ARCH)),$(if $(DEPLOYED_ARCH),$(error $(SAMCONFIG) says $(DEPLOYED_ARCH): change Architecture there to deploy for $(ARCH))))
	cargo lambda build --release --locked $(if $(filter arm64,$(ARCH)),--arm64,--x86-64) $(PACKAGES)
	@[ -f $(SAMCONFIG) ] || echo 'version = 0.1' > $(SAMCONFIG)
	sam deploy --template-file infra/template.yaml --config-file $(CURDIR)/$(SAMCONFIG) --resolve-s3 --capabilities CAPABILITY_IAM --no-fail-on-empty-changeset \
	  $$(grep -q stack_name $(SAMCONFIG) || echo --guided --stack-name deskbridge --parameter-overrides Architecture=$(ARCH))

fmt: ## Format the code
	cargo fmt --all

clean: ## Remove what was built and installed; a running stack is stopped first
	@if [ -f .local/stack.json ] && [ -x $(BIN)/python ]; then $(STACK) down; fi
	cargo clean
	rm -rf $(VENV) .local
