"""RGB frames with times of their own as a stream that ffmpeg reads from a pipe: Matroska, uncompressed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from translate.formats.moving import Frame

_UNKNOWN = b"\x01" + b"\xff" * 7  # a size: until the end
_MICROSECOND = 1000  # in nanoseconds, which a Matroska counts its units in


def stream(frames: Iterable[Frame], width: int, height: int, usual: float) -> Iterator[bytes]:
    """uint8 RGB frames, the first at 0, each as long as it says to the microsecond (RFC 9559); `usual`: seconds of
    most of them."""
    colours = _element(0x2EB524, b"RGB\x18")
    video = _element(0xE0, _number(0xB0, width) + _number(0xBA, height) + colours)
    codec = _element(0x86, b"V_UNCOMPRESSED")
    track = _number(0xD7, 1) + _number(0x73C5, 1) + _number(0x83, 1) + _number(0x23E383, round(usual * 1e9))
    track += codec + video
    yield _element(0x1A45DFA3, _element(0x4282, b"matroska") + _number(0x4287, 4) + _number(0x4285, 2))
    yield _name(0x18538067) + _UNKNOWN
    yield _element(0x1549A966, _number(0x2AD7B1, _MICROSECOND)) + _element(0x1654AE6B, _element(0xAE, track))
    time = 0.0
    for frame in frames:
        begin, end = round(time * 1e6), round((time + frame.seconds) * 1e6)
        block = _element(0xA1, b"\x81\0\0\0" + frame.colours.tobytes())
        group = _element(0xA0, block + _number(0x9B, end - begin))
        yield _element(0x1F43B675, _number(0xE7, begin) + group)
        time += frame.seconds


def _name(identifier: int) -> bytes:
    return identifier.to_bytes((identifier.bit_length() + 7) // 8, "big")


def _element(identifier: int, content: bytes) -> bytes:
    return _name(identifier) + b"\x01" + len(content).to_bytes(7, "big") + content


def _number(identifier: int, value: int) -> bytes:
    return _element(identifier, value.to_bytes(8, "big"))
