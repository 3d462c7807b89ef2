"""Lesson 01: long products, of numbers, of matrices, and of the layers of a network."""

from gradcourse.demos.chain_rule.layers import BACKWARD, LEARNING, SLOPED_CHAIN
from gradcourse.demos.chain_rule.matrices import RANK_ONE, SPECTRUM
from gradcourse.demos.chain_rule.numbers import RANDOM_FACTORS, SCALAR_PRODUCT

DEMOS = (SCALAR_PRODUCT, RANDOM_FACTORS, SPECTRUM, RANK_ONE, BACKWARD, SLOPED_CHAIN, LEARNING)

__all__ = ["DEMOS"]
