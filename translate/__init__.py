"""Image-to-image translation that people can trust."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("translate-gan")
except PackageNotFoundError:  # used from a checkout that was never installed
    __version__ = "0+unknown"
