# One command for each job; the same ones run in CI.
VENV ?= .venv
PYTHON ?= python3
BIN := $(VENV)/bin
CHIP := plugins/interp_chip/knowledge/creatures-vgg
CHIP_VIT := plugins/interp_chip/knowledge/creatures-vit
EXPLAINER := plugins/interp_explainer/knowledge/creatures-vgg
DECOUPLED := plugins/interp_decoupling/models/creatures-resnet
CSG := plugins/interp_csg/models/creatures-resnet
BENCH ?= chip_fit channel_ablation black_box rise
PAPER_chip := chip_creatures chip_animals chip_imagenet
PAPER_mint := mint_photographs
PAPER_decoupling := decoupling_speed decoupling_creatures decoupling_cifar
PAPER_csg := class_switching csg_creatures csg_cifar
PAPER_explainer := explainer_creatures explainer_animals
SHELVES := $(wildcard core adapters plugins dashboards)

.PHONY: help demo app test types lint docs locked lock lowest audit sbom bench models screenshots site

help: ## list the jobs
	@sed -n 's/^\([a-z%-]*\):.*## /  make \1\t/p' Makefile

demo: $(VENV)/.installed ## explain the sample image with the default model
	$(BIN)/interp run --plugin mint

app: $(VENV)/.installed ## open the dashboard
	$(BIN)/interp dashboard

test: $(VENV)/.developing ## the tests that take seconds; ARGS="-m slow" for others
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 $(ARGS)

types: $(VENV)/.developing ## check types
	$(BIN)/mypy $(SHELVES)

lint: $(VENV)/.developing ## check style
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

docs: $(VENV)/.developing ## check every method, write all pages that are generated, run the tutorials, build the site
	$(BIN)/python -m pip install --quiet --editable '.[site]'
	$(BIN)/interp check --out docs/truth.json
	$(BIN)/python docs/reference.py
	$(BIN)/python docs/contracts.py
	$(BIN)/python docs/models_page.py
	$(BIN)/python docs/callers_page.py
	$(BIN)/python docs/evaluations_page.py
	$(BIN)/python docs/picture.py
	$(BIN)/python docs/example_maps.py
	$(BIN)/python docs/method_pictures.py
	$(BIN)/python docs/method_pages.py
	$(BIN)/python docs/notebooks.py
	$(MAKE) site

site: $(VENV)/.installed ## build the site from the pages as they are, build/site/index.html; it works offline
	$(BIN)/python -m pip install --quiet --editable '.[site]'
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

screenshots: $(VENV)/.developing ## take README's picture of the dashboard (needs chromium)
	$(BIN)/python -m pip install --quiet --editable '.[browser]'
	$(BIN)/python docs/screenshot.py

locked: | $(VENV)/bin/python ## install the exact versions of requirements.lock, each checked by its hash
	$(BIN)/python -m pip install --quiet --require-hashes --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --editable .
	touch $(VENV)/.installed

lock: | $(VENV)/bin/python ## write both locks again, of the newest and of the lowest versions
	$(BIN)/python -m pip install --quiet uv
	{ sed -n '/^#/p' requirements.lock; \
	$(BIN)/uv pip compile pyproject.toml --quiet --generate-hashes --no-header --no-annotate \
	    --no-emit-index-url --python-version 3.11 --python-platform x86_64-manylinux_2_28; \
	} > requirements.lock.new
	mv requirements.lock.new requirements.lock
	{ sed -n '/^#/p' requirements-lowest.lock; \
	$(BIN)/uv pip compile pyproject.toml --extra dev --resolution lowest-direct --quiet \
	    --generate-hashes --no-header --no-annotate --no-emit-index-url \
	    --python-version 3.11 --python-platform x86_64-manylinux_2_28; \
	} > requirements-lowest.lock.new
	mv requirements-lowest.lock.new requirements-lowest.lock

lowest: ## run the tests with the lowest versions that are allowed, in an environment of their own
	$(PYTHON) -m venv build/lowest
	build/lowest/bin/python -m pip install --quiet --require-hashes -r requirements-lowest.lock
	build/lowest/bin/python -m pip install --quiet --no-deps --editable .
	OMP_NUM_THREADS=1 build/lowest/bin/python -m pytest --numprocesses auto --maxprocesses 4 $(ARGS)

audit: | $(VENV)/bin/python ## look up known weaknesses of the versions in requirements.lock
	$(BIN)/python -m pip install --quiet pip-audit
	$(BIN)/pip-audit --disable-pip --require-hashes --requirement requirements.lock

sbom: $(VENV)/.installed ## list every installed package in build/sbom.json (CycloneDX)
	$(BIN)/python -m pip install --quiet cyclonedx-bom
	mkdir -p build
	$(BIN)/cyclonedx-py environment $(BIN)/python --pyproject pyproject.toml --of JSON -o build/sbom.json

bench: $(VENV)/.developing ## measure against peers; results go to benchmarks/
	set -e; for name in $(BENCH); do $(BIN)/python benchmarks/$$name.py; done

paper-%: $(VENV)/.developing ## a paper's experiments (chip, mint, decoupling, csg, explainer), hours each; goes on where it stopped
	@test -n "$(PAPER_$*)" || { echo "no paper called $*; expected chip, mint, decoupling, csg or explainer"; exit 2; }
	set -e; for name in $(PAPER_$*); do $(BIN)/python benchmarks/$$name.py; done

models: $(VENV)/.installed ## train the shipped networks again, about two and a half hours
	PYTHONPATH=benchmarks $(BIN)/python -m creatures.train
	rm -f build/creatures-detector.pt
	PYTHONPATH=benchmarks $(BIN)/python -m creatures.train_detector
	rm -f build/creatures-segmenter.pt
	PYTHONPATH=benchmarks $(BIN)/python -m creatures.train_segmenter
	rm -rf build/creatures $(CHIP) $(CHIP_VIT)
	$(BIN)/interp data creatures --out build/creatures --count 800 --seed 2001
	$(BIN)/interp fit --plugin chip --data build/creatures --layer stage3 --layer stage3.0 \
	    --images 50 --masks 500 --out $(CHIP)
	$(BIN)/interp fit --plugin chip --model creatures-vit --data build/creatures --out $(CHIP_VIT)
	rm -rf build/creatures-4000 $(EXPLAINER)
	$(BIN)/interp data creatures --out build/creatures-4000 --count 4000 --seed 2002
	$(BIN)/interp fit --plugin explainer --data build/creatures-4000 --out $(EXPLAINER)
	rm -rf build/creatures-20000 $(DECOUPLED)
	$(BIN)/interp data creatures --out build/creatures-20000 --count 20000 --seed 2003
	$(BIN)/interp fit --plugin decoupling --model creatures-resnet --data build/creatures-20000 \
	    --out $(DECOUPLED)
	rm -rf $(CSG)
	$(BIN)/interp fit --plugin csg --model creatures-resnet --data build/creatures-20000 \
	    --epochs 10 --sparsity 1 --precision bf16 --out $(CSG)

# Python 3.11 or newer; `make PYTHON=python3.12 demo` names another.
$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	{ echo "$(PYTHON) is older than 3.11; name another: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 2; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --editable .
	touch $@

$(VENV)/.developing: pyproject.toml | $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	touch $@
