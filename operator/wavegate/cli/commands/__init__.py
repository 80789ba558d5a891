"""One file for each command, or for commands that do the same thing to different fields."""
