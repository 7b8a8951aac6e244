"""Embedding vectors.

A text's vector is the normalised sum of one fixed random vector per token, so the same text always
gets the same unit vector and texts that share words are close: enough for a semantic cache or a
retrieval test to behave sensibly.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from gateway_lib.simulator.memory import generator
from gateway_lib.simulator.tokens import tokenize

Vector = NDArray[np.float32]


def embed(model: str, text: str, dimensions: int) -> Vector:
    """Return a float32 unit vector of the given length."""
    total = np.zeros(dimensions, dtype=np.float64)
    for token in tokenize(text.lower()) or [""]:
        total += _token_vector(model, token.strip(), dimensions)
    return (total / np.linalg.norm(total)).astype(np.float32)


@lru_cache(maxsize=2048)
def _token_vector(model: str, token: str, dimensions: int) -> Vector:
    seed = generator(model, token).getrandbits(64)
    return np.random.default_rng(seed).standard_normal(dimensions, dtype=np.float32)
