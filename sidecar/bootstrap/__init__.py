"""Sets up a checkout with nothing but a Python: ``python3 -m sidecar.bootstrap demo``. Standard library only."""
