import hashlib
import uuid

from venule.dicom.pseudonym import pseudonym, replacement_uid


def test_a_pseudonym_is_the_beginning_of_the_files_hash() -> None:
    assert pseudonym(b"abc") == "ba7816bf8f01cfea4141"  # FIPS 180-4, example of SHA-256
    assert pseudonym(b"abd") != pseudonym(b"abc")


def test_replacement_uids_are_uuid_derived_and_differ_by_role() -> None:
    uids = {role: replacement_uid("ba78", role) for role in ("study", "series", "instance")}
    assert len(set(uids.values())) == 3
    for uid in uids.values():
        assert len(uid) <= 64
        parsed = uuid.UUID(int=int(uid.removeprefix("2.25.")))
        assert parsed.version == 8
        assert parsed.variant == uuid.RFC_4122
    digest = hashlib.sha256(b"study ba78").digest()[:16]
    made = uuid.UUID(int=int(uids["study"].removeprefix("2.25."))).bytes
    assert made[:6] == digest[:6]
    assert made[9:] == digest[9:]
