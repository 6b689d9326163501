"""Limits on what the service takes from a client, and on what it keeps."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Bounds of requests, of time and of memory.

    Attributes:
        upload_bytes: of one photograph's file.
        pixels: of one photograph.
        waiting: photographs that are received or wait to be analysed; more are sent away.
        analysis_s: seconds after which an analysis counts as failed.
        upload_s: seconds that a client may take to send a file.
        rest_s: seconds after a correction before it is measured: the next stroke is saved first.
        kept_bytes: of photographs and results in memory; the least recently used go first.
        kept_photographs: dropped photographs that are remembered.
    """

    upload_bytes: int = 128 * 2**20
    pixels: int = 120_000_000
    waiting: int = 16
    analysis_s: float = 300.0
    upload_s: float = 60.0
    rest_s: float = 1.0
    kept_bytes: int = 2**30
    kept_photographs: int = 200
