"""Training a run: the loop, the trainer's step, the run's folder, sweeps over many runs, diagnostics."""
