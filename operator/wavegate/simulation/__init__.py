"""A cluster in one process, on virtual time, in which the whole operator runs.

The operator imports nothing from here.
"""
