"""Calls of runs: where to, signed how, and what came back."""
