"""What it costs to judge thousands of pods at a time, and whether each window ends when it should.

One local server stands in for the pods, each at an address of its own; the operator's own health
code reads them in real time.
"""
