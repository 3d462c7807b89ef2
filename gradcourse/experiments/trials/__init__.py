"""The claims on trial, a file for each lesson: each is declared here, once.

The vote in the lesson, the ledger, the site and `gradcourse claims` read these rows.
"""
