"""What a video file holds, from ffprobe."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

from translate.formats import ffmpeg

_HDR = {"smpte2084": "HDR (PQ)", "arib-std-b67": "HDR (HLG)"}
_KEPT = {
    "color_primaries": frozenset({"bt470m", "bt470bg", "smpte170m", "smpte240m", "film", "bt2020", "smpte432"}),
    "color_transfer": frozenset({"smpte170m", "smpte240m", "linear", "iec61966-2-1", "bt2020-10", "smpte2084"})
    | {"arib-std-b67"},
}
"""Colours other than BT.709 whose names ffmpeg says and understands alike."""
_WITH_ALPHA = ("yuva", "rgba", "bgra", "argb", "abgr", "gbrap", "ya")


@dataclass(frozen=True)
class Video:
    """The first stream of pictures in the file `path`, and the others beside it: their numbers and codecs.

    `unit`: of its times, in seconds; `usual`: seconds of a frame; `aspect`: of a pixel, upright; `matrix`: how its YUV
    became of RGB where the file does not say; `primaries`, `transfer`: what the file says, or bt709; `count` of
    frames and `seconds` in all, where the file knows.
    """

    path: Path
    stream: int
    unit: Fraction
    usual: Fraction
    aspect: Fraction
    matrix: str | None
    primaries: str
    transfer: str
    count: int | None
    seconds: float | None
    sound: list[tuple[int, str]] = field(default_factory=list)
    subtitles: list[tuple[int, str]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    @property
    def frames(self) -> int:
        """How many frames there should be, about; 0 where nothing tells."""
        return self.count or round((self.seconds or 0) / self.usual)

    def lacks(self, count: int, seconds: float) -> bool:
        """Whether there should be more than `count` frames, or more than so many seconds of them."""
        if self.count is not None:
            return count < self.count
        return self.seconds is not None and seconds < self.seconds - 0.5


def video(path: Path) -> Video:
    """What the file holds. Raises `ffmpeg.Failed` for one that is no video or holds no pictures."""
    read = ffmpeg.probe(path)
    kinds: dict[str, list[dict[str, Any]]] = {}
    for stream in read.get("streams", []):
        if stream.get("codec_tag_string") == "text" and stream.get("codec_type") == "data":
            continue  # an MP4's chapters, which ffmpeg keeps as such
        disposition = stream.get("disposition", {})
        cover = disposition.get("attached_pic") or disposition.get("timed_thumbnails")
        kinds.setdefault("cover picture" if cover else stream.get("codec_type", "data"), []).append(stream)
    if not kinds.get("video"):
        held = ", ".join(sorted(kinds))
        raise ffmpeg.Failed("holds no moving pictures" + (f", only {held}" if held else ""))
    shown, *others = kinds["video"]
    warnings = _warnings(shown)
    for kind, found in {**kinds, "video": others}.items():
        if found and kind not in ("audio", "subtitle"):
            other = {"video": "other video stream", "data": "data stream"}.get(kind, kind)
            warnings.append(f"left out: {len(found)} {other}{'s' * (len(found) > 1)}")
    unknown_matrix = shown.get("color_space", "unknown") == "unknown" and shown.get("pix_fmt", "").startswith("yuv")
    return Video(
        path=path,
        stream=int(shown["index"]),
        unit=Fraction(shown.get("time_base", "1/90000")),
        usual=1 / (_fraction(shown.get("avg_frame_rate")) or _fraction(shown.get("r_frame_rate")) or Fraction(25)),
        aspect=_aspect(shown),
        # As players guess: the standard of high definition from 720 lines on.
        matrix=("bt709" if int(shown.get("height", 0)) >= 720 else "bt601") if unknown_matrix else None,
        primaries=_said(shown, "color_primaries"),
        transfer=_said(shown, "color_transfer"),
        count=int(shown["nb_frames"]) if str(shown.get("nb_frames", "")).isdigit() else None,
        seconds=_seconds(shown) or _seconds(read.get("format", {})),
        sound=_codecs(kinds.get("audio", [])),
        subtitles=_codecs(kinds.get("subtitle", [])),
        warnings=warnings,
    )


def _warnings(shown: dict[str, Any]) -> list[str]:
    found = []
    pixels = str(shown.get("pix_fmt", ""))
    if str(shown.get("bits_per_raw_sample", "8")) not in ("8", "N/A", "0") or pixels.endswith(("10le", "12le", "16le")):
        found.append("more than 8 bits became 8")
    if shown.get("color_transfer") in _HDR:
        found.append(f"{_HDR[shown['color_transfer']]}: the network sees it paler than it is shown")
    tags = {str(key).lower(): value for key, value in shown.get("tags", {}).items()}
    if pixels.startswith(_WITH_ALPHA) or tags.get("alpha_mode") == "1":
        found.append("its transparency is left out")
    if shown.get("field_order", "progressive") not in ("progressive", "unknown"):
        found.append("interlaced: both fields of a frame are translated as one picture")
    return found


def _aspect(shown: dict[str, Any]) -> Fraction:
    aspect = _fraction(str(shown.get("sample_aspect_ratio", "1:1")).replace(":", "/")) or Fraction(1)
    turned = next((side["rotation"] for side in shown.get("side_data_list", []) if "rotation" in side), 0)
    return 1 / aspect if round(float(turned)) % 180 == 90 else aspect


def _fraction(text: str | None) -> Fraction | None:
    """None for 0, and for what is no number."""
    try:
        return Fraction(text or "0") or None
    except (ValueError, ZeroDivisionError):
        return None


def _seconds(held: dict[str, Any]) -> float | None:
    try:
        return float(held["duration"])
    except (KeyError, ValueError):
        return None


def _said(shown: dict[str, Any], key: str) -> str:
    value = str(shown.get(key, "unknown"))
    return value if value in _KEPT[key] else "bt709"


def _codecs(streams: list[dict[str, Any]]) -> list[tuple[int, str]]:
    return [(int(stream["index"]), str(stream.get("codec_name", "unknown"))) for stream in streams]
