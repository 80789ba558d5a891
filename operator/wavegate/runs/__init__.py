"""The core of jobs that run when asked: pure, as the fleet's in ``wavegate.domain`` is."""
