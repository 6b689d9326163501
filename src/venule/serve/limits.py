"""Limits on what the service accepts from clients, and on what it keeps in memory."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Limits on requests, time and memory.

    Attributes:
        upload_bytes: of one photograph's file, unzipped too.
        pixels: of one photograph.
        waiting: photographs being received or queued; further ones are refused.
        analysis_s: seconds after which an analysis counts as failed.
        upload_s: seconds allowed for sending a file.
        rest_s: seconds from a correction to its measurement, so that further strokes come first.
        kept_bytes: of photographs and results in memory; the least recently used are evicted.
        kept_photographs: number of dropped photographs that are kept.
    """

    upload_bytes: int = 128 * 2**20
    pixels: int = 120_000_000
    waiting: int = 16
    analysis_s: float = 300.0
    upload_s: float = 60.0
    rest_s: float = 1.0
    kept_bytes: int = 2**30
    kept_photographs: int = 200
