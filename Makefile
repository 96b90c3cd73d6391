# `make demo` shows the plugin at work, offline. `make test` checks everything on all sets of hosts.
# Both need git, make and Python 3.10 or newer, and the package registry; no key, no other network.

PYTHON ?= python3
# How pytest runs: side by side, one more than there are processors, since many tests wait, and
# another set of tests beside it; eight at most. PYTEST= runs one test after the other.
CORES := $(shell getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)
AT_ONCE := $(shell expr $(CORES) + 1)
PYTEST ?= -n $(AT_ONCE) --maxprocesses 8 --dist worksteal
PIP := -m pip install --quiet --disable-pip-version-check

# The sets of hosts. "newest" and "latest" take what plain pip takes today; the other two are pinned.
# newest: the newest llm, openai 3 (on httpx2), and the newest LiteLLM whose proxy goes with them.
# latest: the same with the newest LiteLLM. Its proxy extra may ask for more than pip can find.
# oldest: the oldest llm, openai 2 (on httpx), and a LiteLLM of that time.
# floor:  the oldest LiteLLM, beside the newest llm and openai.
NEWEST := "llm>=0.36" "openai>=3" "litellm[proxy]"
LATEST := "llm>=0.36" "openai>=3" litellm
OLDEST := "llm==0.32.1" "openai<3" "litellm[proxy]==1.100.0"
FLOOR := "llm>=0.36" "openai>=3" "litellm[proxy]==1.83.0"

# What `make bench` measures beside.
BESIDE := $(NEWEST) llm-moonshot

# The oldest libraries that the extra "serve" takes.
SERVE_FLOOR := "llm>=0.36" "openai>=3" "uvicorn==0.30.0" "httptools==0.6.0" "aiohttp==3.11.0" "python-multipart==0.0.18"

# The newest LiteLLM with a proxy gets all tests of its door; the oldest all but the products, which
# are about our own reader, and the files of the docs. Those between and beside them do without the
# proxies and the servers that misbehave as well.
WITH_PROXY := tests/hosts/litellm $(addprefix --ignore=tests/hosts/litellm/test_,faults.py \
	mutated_streams.py docs.py redis.py)
BETWEEN := $(WITH_PROXY) $(addprefix --ignore=tests/hosts/litellm/test_,with_litellm.py \
	bad_servers.py transport_faults.py proxy.py proxy_clients.py)

# The frameworks of docs/frameworks.md. The newest LlamaIndex wants openai 2, OpenAI's agents want 3.
FRAMEWORKS := "pydantic-ai-slim[openai]" langchain-openai openai-agents instructor "smolagents[openai]"
LLAMAINDEX := "llama-index-llms-openai-like>=0.5"

# What `make test` does once all is set up: the longest first.
CHECKS := unit-newest lint docs-check docs wheel litellm unit-oldest

DEMO := .venv/demo
NEW := .venv/newest
LAST := .venv/latest
OLD := .venv/oldest
LEAST := .venv/floor
DOCS := .venv/docs
PEERS := .venv/bench

.PHONY: demo test lint docs-check docs unit unit-newest unit-oldest litellm litellm-latest litellm-floor wheel bench fuzz load frameworks serve-floor node cog pictures clean

demo: $(DEMO)/.installed
	@PATH="$(CURDIR)/$(DEMO)/bin:$$PATH" sh scripts/demo.sh

# Set up one after the other, since each writes the package's metadata here; checked two at a time.
# Where make can, what each prints stays together.
test: $(NEW)/.installed node $(OLD)/.installed $(LAST)/.installed $(LEAST)/.installed $(DOCS)/.installed
	@$(MAKE) --no-print-directory -j2 $(if $(filter output-sync,$(.FEATURES)),--output-sync=line) $(CHECKS)
	@echo "All checks passed."

lint: $(NEW)/.installed
	@echo "Style and types ..."
	$(NEW)/bin/ruff check .
	$(NEW)/bin/ruff format --check .
	$(NEW)/bin/mypy --strict llm_kimi

docs-check: $(NEW)/.installed
	@echo "Running the commands of the docs ..."
	@printf '%s\n' README.md docs/*.md | LLM_KIMI_WARM_OWNER=$$$$ \
		xargs -n 1 -P $(AT_ONCE) $(NEW)/bin/cog --check --verbosity=1
	$(NEW)/bin/python scripts/draw_layers.py --check
	$(NEW)/bin/python scripts/draw_performance.py --check
	$(NEW)/bin/python scripts/record_demo.py --check

# The documentation as a site: open site/index.html.
docs: $(DOCS)/.installed
	NO_MKDOCS_2_WARNING=1 $(DOCS)/bin/mkdocs build --quiet --strict

unit: unit-newest unit-oldest

unit-newest: $(NEW)/.installed node
	@echo "The newest hosts: all tests ..."
	$(NEW)/bin/python -m pytest $(PYTEST)

# What meets llm, openai or LiteLLM; the rest of the tests would do there what it does with the newest.
unit-oldest: $(OLD)/.installed
	@echo "The oldest hosts ..."
	$(OLD)/bin/python -m pytest $(PYTEST) tests/hosts/llm tests/hosts/openai tests/hosts/transport \
		tests/hosts/official_tools tests/hosts/test_imports.py $(BETWEEN)

litellm: litellm-latest litellm-floor

litellm-latest: $(LAST)/.installed
	@echo "The latest LiteLLM ..."
	$(LAST)/bin/python -m pytest $(PYTEST) $(BETWEEN)

litellm-floor: $(LEAST)/.installed
	@echo "The oldest LiteLLM ..."
	$(LEAST)/bin/python -m pytest $(PYTEST) $(WITH_PROXY)

wheel: $(NEW)/.installed
	@echo "The wheel ..."
	PYTHON="$(PYTHON)" sh scripts/check_wheel.sh

# Rewrite the generated parts of README and docs.
cog: $(NEW)/.installed
	$(NEW)/bin/cog -r README.md docs/*.md

# Draw the pictures of README and docs anew.
pictures: $(NEW)/.installed
	$(NEW)/bin/python scripts/draw_layers.py
	$(NEW)/bin/python scripts/draw_performance.py
	$(NEW)/bin/python scripts/record_demo.py

# Measures beside the peers; writes benchmarks/figures.json, docs/performance.md and its picture.
bench: $(PEERS)/.installed
	$(PEERS)/bin/python benchmarks/run.py

# Random input for some minutes, each round with another seed.
fuzz: $(NEW)/.installed
	$(NEW)/bin/python scripts/fuzz.py

# The examples of docs/frameworks.md, in environments of their own.
frameworks: .venv/frameworks/.installed .venv/llamaindex/.installed
	.venv/frameworks/bin/python scripts/check_frameworks.py \
		pydantic_ai langchain openai_agents instructor smolagents
	.venv/llamaindex/bin/python scripts/check_frameworks.py llamaindex

.venv/frameworks/.installed: pyproject.toml
	$(call venv,.venv/frameworks)
	.venv/frameworks/bin/python $(PIP) uv
	.venv/frameworks/bin/uv pip install --quiet --python .venv/frameworks/bin/python -e . $(FRAMEWORKS)
	@touch $@

.venv/llamaindex/.installed: pyproject.toml
	$(call venv,.venv/llamaindex)
	.venv/llamaindex/bin/python $(PIP) uv
	.venv/llamaindex/bin/uv pip install --quiet --python .venv/llamaindex/bin/python -e . $(LLAMAINDEX)
	@touch $@

# Clients of Node.js for the tests of the server, where there is npm; without it they are skipped.
node: .venv/node/.installed

.venv/node/.installed: tests/hosts/serve/node/package.json
	@mkdir -p .venv/node
	@if command -v npm >/dev/null; then \
		echo "Setting up .venv/node ..." && cp $< .venv/node/ && \
		{ npm install --prefix .venv/node --no-package-lock --no-audit --no-fund --silent \
			--fetch-timeout=60000 --fetch-retries=1 && touch $@ || \
		echo "npm cannot install them: the tests with clients of Node.js will be skipped"; }; \
	else echo "no npm: the tests with clients of Node.js will be skipped"; fi

# The server on the oldest libraries that it takes.
serve-floor: .venv/serve-floor/.installed
	.venv/serve-floor/bin/python -m pytest $(PYTEST) tests/hosts/serve

.venv/serve-floor/.installed: pyproject.toml
	$(call venv,.venv/serve-floor)
	.venv/serve-floor/bin/python $(PIP) -e ".[test]" $(SERVE_FLOOR)
	@touch $@

# 200 streams at a time for a minute through each door; writes benchmarks/load.json.
load: $(NEW)/.installed
	$(NEW)/bin/python benchmarks/load.py

$(DEMO)/.installed: pyproject.toml
	$(call venv,$(DEMO))
	@echo "Installing llm and llm-kimi there (once, about half a minute) ..."
	@$(DEMO)/bin/python $(PIP) -e .
	@touch $@

$(NEW)/.installed: pyproject.toml
	$(call venv,$(NEW))
	$(NEW)/bin/python $(PIP) -e ".[test]" $(NEWEST)
	@touch $@

$(PEERS)/.installed: pyproject.toml
	$(call venv,$(PEERS))
	$(PEERS)/bin/python $(PIP) -e ".[serve]" $(BESIDE) cogapp
	@touch $@

$(LAST)/.installed: pyproject.toml
	$(call venv,$(LAST))
	$(LAST)/bin/python $(PIP) -e ".[test]" $(LATEST)
	@touch $@

$(OLD)/.installed: pyproject.toml
	$(call venv,$(OLD))
	$(OLD)/bin/python $(PIP) -e ".[test]" $(OLDEST)
	@touch $@

$(LEAST)/.installed: pyproject.toml
	$(call venv,$(LEAST))
	$(LEAST)/bin/python $(PIP) -e ".[test]" $(FLOOR)
	@touch $@

$(DOCS)/.installed: pyproject.toml
	$(call venv,$(DOCS))
	$(DOCS)/bin/python $(PIP) -e ".[docs]"
	@touch $@

define venv
@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10) and "llm-kimi needs Python 3.10 or newer; set PYTHON=")'
@echo "Setting up $(1) ..."
@$(PYTHON) -m venv --clear $(1)
endef

clean:
	rm -rf .venv build dist site *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
