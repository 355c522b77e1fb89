"""Review with a model: what it makes of the detectors' findings, and what it adds; knows no editor and no I/O."""
