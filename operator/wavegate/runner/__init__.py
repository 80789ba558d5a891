"""Runs as they are carried out: what is known of them, passes, requests and calls."""
