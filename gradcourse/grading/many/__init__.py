"""A class: many notebooks, in one process, in several, or on a cluster."""
