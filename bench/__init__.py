"""The benchmark: a fleet under a FleetJob, under a DaemonSet, and by bare requests."""
