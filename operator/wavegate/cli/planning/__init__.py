"""What would happen if a job were applied: a rehearsal by the operator's own rules, in words."""
