"""What calls ONNX Runtime as if it were a network."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from translate.exchange import onnx_file

MORE = 2
"""Times as many bytes as PyTorch: 1,605 for 812 a pixel were seen of CycleGAN's generator at 512 px."""


class OnnxGenerator(nn.Module):
    """The graph in an ONNX file: tensors on the CPU, in and out, as many threads as torch would take.

    `stride` in pixels, and `bytes_per_pixel` that it holds at most: MORE than the file's properties say of PyTorch.
    """

    sealed = True
    """Its norms can't be told other statistics."""

    def __init__(self, path: Path, properties: Mapping[str, str]) -> None:
        super().__init__()
        self.path = path
        self.stride = int(properties["stride"])
        self.bytes_per_pixel = MORE * int(properties["bytes_per_pixel"])
        self._sessions: dict[int, Any] = {}
        self._lock = threading.Lock()

    def forward(self, *inputs: Tensor) -> Tensor:
        session = self._session(torch.get_num_threads())
        names = [given.name for given in session.get_inputs()]
        arrays = {name: given.contiguous().numpy() for name, given in zip(names, inputs, strict=True)}
        made: Tensor = torch.from_numpy(session.run(None, arrays)[0])
        return made

    def _session(self, threads: int) -> Any:
        """One for each number of threads: who may use one core alone, as a lane does, must not wake the others."""
        with self._lock:
            if threads not in self._sessions:
                self._sessions[threads] = onnx_file.session(self.path, threads)
            return self._sessions[threads]
