"""Singular values of long products of matrices, all of them right."""
