"""Tests on one cluster of real nodes. A package, so that package-scoped fixtures end with it:
of clusters with real nodes a machine has one at a time, and other tests need their own."""
