"""One rollout as a picture: what the cluster keeps of it, its drawing and the page around it."""
