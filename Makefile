PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test lint site fuzz kills bench bench-semantics bench-shortlist bench-large bench-data bench-browser bench-accelerator lab flickr8k tuning architectures evidence influence other-photos dose further strength strength-photos strength-means general strength-world noise clean

demo: .venv/ready
	$(BIN)/vslnb reproduce demo

# Two files of tests at a time, with one thread each: threads of two processes that outnumber the cores hold each other up.
test: .venv/ready
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile

lint: .venv/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-cache
	$(BIN)/mypy

# build/site/index.html: README, executed notebooks, results, rankings and API reference; needs no network to be read.
site: .venv/site-ready
	$(BIN)/vslnb reproduce demo
	$(BIN)/python docs/build.py runs/demo build/site

# Damaged input for every reader, 2,000 cases each; programs killed at random instants. Some minutes each.
fuzz: .venv/ready
	PYTHONPATH=tests $(BIN)/python tests/robustness/fuzz.py 2000 0

kills: .venv/ready
	PYTHONPATH=tests $(BIN)/python tests/robustness/kills.py 30 0

# Each measurement has a process of its own; leave the machine alone meanwhile. A table that figures/ has is
# kept: `--again` measures it anew. All of bench takes a quarter of an hour, all of bench-large about an hour.
bench: .venv/ready
	$(BIN)/python benchmarks/engine.py
	$(BIN)/python benchmarks/operators.py
	$(BIN)/python benchmarks/plot.py

bench-semantics: .venv/ready
	$(BIN)/python benchmarks/semantics.py

# After `make flickr8k`, whose trained models these read.
bench-shortlist: .venv/ready
	$(BIN)/python benchmarks/shortlist.py
	$(BIN)/python benchmarks/precision.py
	$(BIN)/python benchmarks/plot.py

bench-large: .venv/ready
	$(BIN)/python benchmarks/large.py
	$(BIN)/python benchmarks/plot.py

# Features of MSCOCO's size, written and removed: 34 GB of room, some ten minutes.
bench-data: .venv/ready
	$(BIN)/python benchmarks/data_path.py

# After `make flickr8k`, in JupyterLab and Chromium.
bench-browser: .venv/ready
	$(BIN)/python benchmarks/browser.py runs/flickr8k/saf-triplet-s0 runs/flickr8k/saf-vsl-paper-s0

# On a machine with a GPU, a minute.
bench-accelerator: .venv/ready
	$(BIN)/python benchmarks/accelerator.py

lab: .venv/ready
	$(BIN)/jupyter lab notebooks

# SOURCE is a folder with Flickr8k's images/, token file and split files.
SOURCE ?= ../shared/data/flickr8k
flickr8k: .venv/ready
	$(BIN)/vslnb import flickr8k $(SOURCE) data/flickr8k
	$(BIN)/vslnb reproduce flickr8k

# How the settings of the flickr8k recipes were chosen, on dev; some four hours.
tuning: .venv/ready
	$(BIN)/python experiments/tuning.py data/flickr8k runs/tuning

# Every architecture with the triplet alone, at the rate that tuning chose.
architectures: .venv/ready
	$(BIN)/python experiments/architectures.py data/flickr8k runs/tuning

# Into figures/ as they come: Flickr8k's arms and seeds, some 70 minutes a seed; what VSL did to their weights, a few
# minutes a seed; their runs on other photos, five minutes a seed; the world's dose, an hour; and what the design leaves
# open, some five hours on two cores; its questions nearest to the paper need a GPU.
evidence: .venv/ready
	$(BIN)/python experiments/evidence.py flickr8k

influence: .venv/ready
	$(BIN)/python experiments/influence.py flickr8k

other-photos: .venv/ready
	$(BIN)/python experiments/other_photos.py

dose: .venv/ready
	$(BIN)/python experiments/dose.py

further: .venv/ready
	$(BIN)/python experiments/further.py

# What a stronger VSL buys (experiments/strength.md): some four hours on two cores. Needs the extra `sentence`.
strength: .venv/ready
	$(BIN)/python experiments/strength.py

# Whether a few photos carry what experts see in these runs: trains nothing, some minutes.
strength-photos: .venv/ready
	$(BIN)/python experiments/strength_photos.py

# Means of two of these trainings: trains nothing, some minutes, where their weights are.
strength-means: .venv/ready
	$(BIN)/python experiments/strength_means.py

# The setting chosen there, on every architecture with five fresh seeds: a day on two cores.
general: .venv/ready
	$(BIN)/python experiments/general.py

# The same where every picture's relevance is known: the bundled world, an hour.
strength-world: .venv/ready
	$(BIN)/python experiments/strength_world.py

# SAF and NCR where two of five pairs of the bundled world are wrong: half an hour.
noise: .venv/ready
	$(BIN)/python experiments/noise.py

.venv/ready: pyproject.toml constraints.txt
	test -e .venv || rm -f .venv  # a link to what has gone
	$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear .venv  # half of one is made anew
	$(BIN)/python -m pip install --quiet -c constraints.txt torch
	$(BIN)/python -m pip install --quiet -c constraints.txt -e ".[photos,coco,cluster,test]"
	touch $@

.venv/site-ready: .venv/ready
	$(BIN)/python -m pip install --quiet -c constraints.txt -e ".[site]"
	touch $@

clean:
	rm -rf .venv runs build
