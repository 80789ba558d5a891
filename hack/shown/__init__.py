"""``make shown``: what kubectl says on the pages of docs/concepts, from a run."""
