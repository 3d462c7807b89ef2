"""Figures of a record, or of what else was measured: a function for each, to Plot or Picture."""
