"""One file per command of `windlass`. Heavy imports stay inside the functions, so that `--help` is instant."""
