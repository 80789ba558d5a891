"""Where the operator's time goes: a flame graph, its top functions, and what a pass costs.

The operator runs whole on the simulated cluster, in virtual time, so that a profile needs no
cluster and comes out alike each time. What it leaves out is the way to a real server: HTTP and its
JSON.
"""
