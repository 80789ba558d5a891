"""The shell of the health rules: reads pods' counters and keeps the windows of those judged.

What a window means is decided in ``wavegate.domain.health``.
"""
