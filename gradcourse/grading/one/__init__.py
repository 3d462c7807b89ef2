"""One notebook in, one mark out."""
