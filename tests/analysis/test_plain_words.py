import re

import pytest

from venule.analysis.definitions import describe
from venule.analysis.plain_words import SENTENCES, sentence
from venule.measure.columns import all_columns

DIAGNOSES = (
    r"diagnos|diseas|patholog|patient|health|normal|risk|damage|hypertens|diabet|glaucom|retinopath"
)


def test_each_measurement_has_one_sentence_and_no_diagnosis() -> None:
    for column in all_columns():
        words = sentence(column)
        assert re.fullmatch(r"[A-Z][^.]+\.", words), column.name
        assert not re.search(DIAGNOSES, words, re.IGNORECASE), words
        assert describe(column.name).plain == words


def test_each_sentence_is_used() -> None:
    told = {sentence(column) for column in all_columns()}
    told |= {one.replace("artery", "vessel").replace("arteries", "vessels") for one in told}
    assert set(SENTENCES.values()) <= told


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("vessel_caliber_mean_px", "How wide the vessels are on average."),
        ("vein_caliber_mean_um", "How wide the veins are on average."),
        (
            "artery_tortuosity_tau4_median_per_px",
            "How much an artery turns for its length.",
        ),
        (
            "vessel_density_zone_c",
            "How much of the visible retina the vessels cover; in a ring about the disc.",
        ),
        (
            "artery_cre_knudtson_zone_b_px",
            "How wide the one artery would be that the six widest near the disc come from.",
        ),
    ],
)
def test_a_sentence_speaks_of_its_vessels_and_region(name: str, words: str) -> None:
    assert describe(name).plain == words
