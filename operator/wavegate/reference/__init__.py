"""The generated part of the documentation: pages of the kinds and options, diagrams, tables."""
