"""Pseudonyms: hashes that identify a DICOM photograph outside its archive.

They are computed from the whole file content. A hash of a patient's number could be reversed by
trying all numbers; this one cannot be found without the photograph itself.
"""

import hashlib

DIGITS = 20
"""80 bits: among a million photographs, two share a name with a probability of 4e-13."""


def pseudonym(content: bytes) -> str:
    """20 hex digits for a file's content, independent of its path."""
    return hashlib.sha256(content).hexdigest()[:DIGITS]


def replacement_uid(name: str, role: str) -> str:
    """A UID to replace one of the source's, derived from a pseudonym and a role such as "study".

    A UUID-derived UID (PS3.5 B.2) of version 8, whose bits are vendor-specific.
    """
    number = int.from_bytes(hashlib.sha256(f"{role} {name}".encode()).digest()[:16], "big")
    number = number & ~(0xF << 76) | 8 << 76
    number = number & ~(0x3 << 62) | 2 << 62
    return f"2.25.{number}"
