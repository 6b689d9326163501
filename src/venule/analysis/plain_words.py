"""Explanations of each measurement in one sentence, for readers without a technical background."""

import re

from venule.measure.columns import Column

SENTENCES = {
    "density": "How much of the visible retina the vessels cover.",
    "density_image": "How much of the picture, dark corners included, the vessels cover.",
    "area": "How large an area the vessels cover.",
    "length": "How long the vessels are, put end to end.",
    "length_density": "How long the vessels are, put end to end, for the visible area.",
    "caliber_mean": "How wide the vessels are on average.",
    "caliber_median": "How wide a vessel typically is.",
    "tortuosity_tau1": "How much longer a vessel is than the straight line between its ends.",
    "tortuosity_tau2": "How much a vessel turns in all, to the left and to the right.",
    "tortuosity_tau3": "How much a vessel bends in all; sharp bends count more than gentle ones.",
    "tortuosity_tau4": "How much a vessel turns for its length.",
    "tortuosity_tau5": "How sharply a vessel bends for its length.",
    "tortuosity_tau6": "How much a vessel turns for the straight distance between its ends.",
    "tortuosity_tau7": "How sharply a vessel bends for the straight distance between its ends.",
    "tortuosity_grisan": "How often and how far a vessel winds to either side, for its length.",
    "inflections": "How often a vessel changes from bending one way to bending the other.",
    "fractal_box": "How finely the vessels branch: 1 would be a line, 2 would fill the picture.",
    "fractal_d0": "How finely the vessels branch: 1 would be a line, 2 would fill the picture.",
    "fractal_d1": "How evenly the vessels fill the picture: 2 would be the same everywhere.",
    "fractal_d2": "How evenly the vessels fill the picture where they are dense.",
    "lacunarity": "How unequal the gaps between the vessels are; 1 would be all equal.",
    "junctions": "In how many places the vessels meet.",
    "bifurcations": "How often a vessel splits into two.",
    "crossings": "How often the vessels cross.",
    "endpoints": "How many ends of the vessels are free.",
    "components": "How many unconnected pieces the vessels form.",
    "branching_angle": "How far apart the two branches of a split typically point.",
    "branching_coefficient": "How thick the two branches of a split are, relative to their parent.",
    "asymmetry": "How similar in width the two branches of a split are; 1 would be equal.",
    "sparsity_mean": "How far away the nearest vessel is on average.",
    "sparsity_max": "How far away the nearest vessel is at most.",
    "cre_knudtson": "How wide the one vessel would be that the six widest near the disc come from.",
    "cre_hubbard": "How wide the one vessel would be that the six widest near the disc come from.",
    "cre_knudtson_n": "How many vessels near the disc that width was computed from.",
    "cre_hubbard_n": "How many vessels near the disc that width was computed from.",
    "avr_knudtson": "How wide arteries near the disc are, compared with veins.",
    "avr_hubbard": "How wide arteries near the disc are, compared with veins.",
    "caliber_ratio": "How wide arteries are on average, compared with veins.",
}
"""Sentences by measurement name, without structure, statistic, zone and unit."""

_KINDS = {
    "artery": {"a vessel": "an artery", "vessels": "arteries", "vessel": "artery"},
    "vein": {"vessels": "veins", "vessel": "vein"},
}


def sentence(column: Column) -> str:
    """A column's sentence."""
    name = column.name.removesuffix(f"_{column.unit}") if column.unit else column.name
    zone = re.search(r"_zone_[bc]", name)
    name = name.replace(zone[0], "") if zone else name
    kind, _, rest = name.partition("_")
    base = rest if kind in ("vessel", "artery", "vein") else name
    words = SENTENCES.get(base) or SENTENCES[re.sub(r"_(median|mean)$", "", base)]
    for general, special in _KINDS.get(kind, {}).items():
        words = re.sub(rf"\b{general}\b", special, words)
    near = zone and "near the disc" not in words
    return f"{words[:-1]}; in a ring about the disc." if near else words
