"""Verdict maps: the test of a claim at four rates, three budgets and two widths."""
