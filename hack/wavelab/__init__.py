"""wavelab: a real Kubernetes cluster on one machine, without a container engine."""
