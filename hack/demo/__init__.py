"""The demonstration: the main job in four acts, on a cluster that is really there."""
