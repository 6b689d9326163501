"""The page of quality: the meaning of grades and reasons, and how well they predict Dice.

The limits are taken from the code; the figures come from `benchmarks/quality.py`.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from venule.evaluation.report import markdown
from venule.quality.assess import GRADES, LIMITS

PAGE = "quality.md"

REPORT = "quality.json"

FIELD = "fov.json"

INTRODUCTION = """\
# Quality and uncertainty

Written by `make results`; do not edit. Every result of venule carries a grade with its reasons and
an uncertainty: `analyse(...).quality` in Python, columns of `report.csv` and counts in `run.json`
from [`venule predict`](commands.md#predict).

```python
quality = venule.analyse("photograph.jpg", venule.load("general")).quality
quality.grade  # "ok", "usable" or "reject"
quality.reasons  # such as ("too dark", "blurred"); empty if the grade is "ok"
quality.uncertainty  # 0..1
quality.features  # what the reasons are based on, with units
```

| grade | meaning |
| --- | --- |
| `ok` | no reason to doubt the result |
| `usable` | look at it before you use it; the reasons say why |
| `reject` | do not rely on it. It is still written; `--strict` makes it a failure |

A grade says nothing about the eye, and does not change the vessel map. Photographs are graded by
rules, not by a network: each reason is a measure beyond its limit, and the worst reason sets the
grade.

## Reasons

All features except compression are measured inside the field of view; the JPEG grid is searched for
in the central 320 pixels of the frame. Textures are measured on a copy whose field of view is 320
pixels wide, so that they are comparable between cameras.
"""

MEASURES = {
    "diameter_px": "diameter of the field of view in pixels of the photograph",
    "brightness": "median of the largest channel, as a share of 255",
    "overexposed": "share of pixels whose green channel is 250 or above",
    "contrast": "standard deviation of green at the scale of a twentieth of the diameter, over its "
    "mean; from 0.07 on, without spots far brighter than the rest, such as scars",
    "stretch": "longer over shorter diameter of the field of view",
    "sharpness": "standard deviation of green at the scale of an eightieth of the diameter, over "
    "that at a twentieth",
    "blockiness": "how much larger pixel-to-pixel steps are across an 8-pixel grid, as left by "
    "JPEG, than elsewhere (1: twice), times 8 pixels over the diameter",
    "vessels": "share of the field of view that the vessel map covers",
    "saturation": "median of (largest - smallest channel) / largest",
    "warm": "share of pixels with red ≥ green ≥ blue, within 5 grey levels",
    "uncertainty": "see below",
}

RULES = """\
The other reasons combine several measures:

- **no field of view** (reject): no channel spans 4 grey levels over 98 % of its pixels. (A given
  field of view without a pixel is an error.)
- **edge of the field of view not visible** (usable): no circular edge bounds the retina, so the
  scale of the photograph is unknown and vessels may have a size that the network was not trained
  on.
- **several fields of view** (usable): the frame shows more than one, such as two eyes. All of them
  are segmented, at the scale of the largest; measurements per eye are meaningless.
- **not a fundus photograph** (reject): at least two signs against it. One sign each: contrast above
  0.08, less than half of the pixels warm although there is colour, and vessels on less than 2 % of
  the field of view, or else, inside a round edge, a largest connected component of less than 45 %
  of the vessel map. Two signs: vessels on more than 35 %, or a largest component of less than 28 %
  (20 % where no edge is visible). A missing round edge is another sign, and only then so are
  unusual colours, no colour, and uncertain vessels.
- **looks like an angiogram** (reject): no colour, a round field of view, and bright lines that
  stand out more than dark ones.
- **looks like an OCT scan** (reject): no colour or edge, and bright layers one above the other.
- **looks like a scanning-laser image** (usable): no colour or edge, but a vessel tree was found.
- **looks like an ultra-wide field** (usable): a tenth wider than high, nearly as green as red, and
  without blue.

Of 748 available photographs of DRIVE, CHASE_DB1, HRF, AVRDB, FIVES, IDRiD and RIDB, none is
rejected with the maps of `general`: 721 are `ok`, 27 `usable`; of the 722 that were `ok` by the
previous rules, 720 still are. Of 234 pictures that show no fundus (136 of 34 kinds of textures,
writing, scenes, other modalities and discs, made by `tests/support/others.py`, and 98 that come
with Python packages), none is `ok` and 224 (96 %) are rejected; the limits were set on these too.

The limits lie between the values of good photographs and those of some of them when degraded so far
that the map of `general` loses a good part of its Dice. The good ones are 20 photographs of DRIVE's
training half, 16 of CHASE_DB1's, 12 of HRF's (at 1314 x 876 px) and synthetic ones; all of them are
`ok`. The real ones have brightness 0.43 to 1, over-exposed 0 to 0.007, contrast 0.018 to 0.059,
sharpness 0.52 to 0.97, saturation 0.52 to 0.97, warm 0.98 to 1, vessels 0.065 to 0.122, largest
component 0.48 to 0.99, blockiness at most 0.006. A blur of 0.5 % of the diameter lowers sharpness
to 0.28 to 0.38, one of 1 % to 0.15 to 0.17; JPEG of quality 50 raises blockiness to 0.006 to 0.017,
of 20 to 0.026 to 0.06, of 10 to 0.05 to 0.12. Darkness costs little until it is extreme, as venule
corrects the illumination; but a truly dark photograph is noisy, an artificially darkened one is
not.

These figures were measured once and not kept in a file. Only one photograph of each data set was
degraded for this, six in the case of JPEG. No photograph of a test half was used to choose a limit,
and no limit changes a vessel map.

## Uncertainty

One minus the expected Dice of the vessel map. With the probability p of each pixel and the map m at
the threshold, a map with calibrated probabilities has

    expected Dice = 2 sum(p m) / (sum(p) + sum(m)),

the ratio of the expected numerator and denominator. It needs no ground truth, and does not depend
on the size of the photograph. Probabilities are calibrated on photographs like those that the
network was trained on; on blurred, noisy and strongly compressed ones it is just as confident. So
the expected Dice is multiplied by the least of 1, sqrt(sharpness / 0.5), 1.1 / sharpness and
sqrt(0.04 / blockiness), factors fitted to the degraded training photographs above. An uncertainty
compares photographs under the same weights; it is not a guarantee.

## How well they predict Dice
"""

MISSING = "Not measured yet: `python benchmarks/quality.py MODEL` writes `results/quality.json`."

Json = Mapping[str, Any]


def quality_page(folder: Path) -> str:
    """Write the text of docs/quality.md."""
    lines = [INTRODUCTION, *markdown(_limits(), words=(0, 1)), "", RULES]
    path = folder / REPORT
    if path.exists():
        lines += _results(json.loads(path.read_text(encoding="utf-8")))
    else:
        lines.append(MISSING)
    path = folder / FIELD
    if path.exists():
        lines += _field(json.loads(path.read_text(encoding="utf-8")))
    return "\n".join(lines) + "\n"


def _field(report: Json) -> Iterator[str]:
    every, good = report["all"], report["good_dice"]
    yield from ["", "## The field of view", ""]
    yield (
        f"Found with Dice {good} or more in {every['found']:.1%} of {every['photographs']:,} "
        "synthetic photographs with random surrounds (`tests/support/surrounds.py`; "
        f"seeds from {report['first_seed']:,} on, none used in development). By `python "
        f"benchmarks/fov.py --first {report['first_seed']}`."
    )
    yield ""
    table = [["surround", "photographs", f"Dice ≥ {good}", "mean Dice", "least Dice"]]
    for kind, found in report["kinds"].items():
        dice = (f"{found['mean_dice']:.4f}", f"{found['least_dice']:.4f}")
        table.append([kind, str(found["photographs"]), f"{found['found']:.1%}", *dice])
    yield from markdown(table)


def _limits() -> list[list[str]]:
    table = [["reason", "measure", "usable", "reject"]]
    for reason, limits in LIMITS.items():
        sign = ">" if limits.beyond == "above" else "<"
        cells = ["–" if at is None else f"{sign} {at:g}" for at in (limits.usable, limits.reject)]
        table.append([reason, MEASURES[limits.measure], *cells])
    return table


def _results(report: Json) -> Iterator[str]:
    yield (
        f"`{report['model']}` ({report['runtime']}, threshold {report['threshold']:g}, weights "
        f"{(report['weights_sha256'] or 'unknown')[:12]}) on {', '.join(report['data'])}, "
        f"{_photographs(report)}: each as it is and degraded in the ways "
        "below; Dice inside the data set's field of view. By `python benchmarks/quality.py "
        f"{report['model']} --data {' '.join(report['data'])} --every {report['every']}`."
    )
    everything = report["all"]
    yield from ["", "Correlation with Dice, Spearman / Pearson:", ""]
    yield from markdown(_correlations({"all": everything, **report["by_dataset"]}))
    yield from ["", "Dice by grade, photographs as they are and degraded:", ""]
    yield from markdown(_dice_by_grade(everything["dice_by_grade"]))
    yield from ["", "Each degradation, with means and numbers of photographs:", ""]
    yield from markdown(_versions(everything["versions"]))
    ms = everything["ms"]
    if ms["n"]:
        yield from [
            "",
            f"The assessment takes {ms['median']:.1f} ms a photograph (median of {ms['n']}, "
            f"quartiles {ms['quartile_1']:.1f} and {ms['quartile_3']:.1f}).",
        ]


def _photographs(report: Json) -> str:
    """Describe the number of photographs used, of all in a split or subsampled by a step."""
    each, every = report["all"]["photographs"], report["every"]
    return f"all {each} photographs" if every == 1 else f"one photograph of {every}, {each} in all"


def _correlations(summaries: Json) -> list[list[str]]:
    table = [["photographs", "", "uncertainty", "1 - expected Dice alone"]]
    for name, summary in summaries.items():
        for group, found in summary["correlation"].items():
            table.append([name, group, *(_pair(found[score]) for score in _SCORES)])
    return table


_SCORES = ("uncertainty", "one_minus_expected_dice")


def _pair(found: Json) -> str:
    values = (found["spearman"], found["pearson"])
    return " / ".join("–" if value is None else f"{value:.2f}" for value in values)


def _dice_by_grade(spreads: Json) -> list[list[str]]:
    table = [["grade", "results", "mean Dice", "quartiles"]]
    for grade in GRADES:
        found = spreads[grade]
        if found["n"]:
            quartiles = f"{found['quartile_1']:.3f} – {found['quartile_3']:.3f}"
            table.append([grade, str(found["n"]), f"{found['mean']:.3f}", quartiles])
        else:
            table.append([grade, "0", "–", "–"])
    return table


def _versions(versions: Sequence[Json]) -> list[list[str]]:
    table = [["degraded", "strength", "Dice", "uncertainty", *GRADES]]
    for version in versions:
        strength = "" if version["strength"] is None else f"{version['strength']:g}"
        dice = "–" if version["dice"] is None else f"{version['dice']:.3f}"
        grades = [str(version["grades"][grade]) for grade in GRADES]
        row = [version["degraded"], strength, dice, f"{version['uncertainty']:.3f}", *grades]
        table.append(row)
    return table
