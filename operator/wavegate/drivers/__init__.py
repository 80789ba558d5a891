"""From a version and a node to the pod that runs there; one file per job type.

Pure: nothing here reads a clock or a cluster, so the same input is the same pod.
"""
