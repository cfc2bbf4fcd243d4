"""What is too large to be decoded: decompression bombs, and what does not fit this machine's memory."""

from __future__ import annotations

from dataclasses import dataclass

import psutil


@dataclass(frozen=True)
class Limits:
    """A picture of more than `pixels` must bring a byte of file for every `per_byte` pixels; what has to be decoded
    whole must fit `memory` bytes, or half of what is available. The methods return the reason why not, or None."""

    pixels: int = 178_956_970
    per_byte: int = 100
    memory: int | None = None

    def refuse_size(self, width: int, height: int, file_size: int) -> str | None:
        """Whether a file of so many bytes may claim to hold a picture of that size."""
        if width < 1 or height < 1:
            return f"has a header that says {width}x{height} pixels: it is damaged"
        if width * height > max(self.pixels, file_size * self.per_byte):
            return (
                f"says that it holds {width}x{height} pixels, in a file of {file_size:,} bytes: it is damaged or made "
                "to fill the memory"
            )
        return None

    def refuse_whole(self, width: int, height: int, needed: int) -> str | None:
        """Whether `needed` bytes may be taken for a picture that can't be read in strips."""
        most = psutil.virtual_memory().available // 2 if self.memory is None else self.memory
        if needed > most:
            return (
                f"{width}x{height} pixels need {_megabytes(needed)} at once, and {_megabytes(most)} may be used here: "
                "save it as a TIFF in strips or tiles, which is read piece by piece"
            )
        return None


def _megabytes(count: int) -> str:
    return f"{max(1, round(count / 1e6)):,} MB"
