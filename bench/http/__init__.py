"""What runs of HTTPJobs cost: ``make bench-runs``."""
