"""``make shown``: what commands say on the pages of docs/concepts and docs/cli.md, from a run."""
