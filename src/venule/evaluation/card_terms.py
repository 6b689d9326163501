"""Whose photographs and annotations these are, and what their terms allow."""

from collections.abc import Mapping
from types import MappingProxyType

from pydantic import BaseModel


class Attribution(BaseModel, frozen=True, extra="forbid"):
    """Who made a data set and on what terms; `pictures`: they allow its photographs in a page.

    `called` is its name on a page, where the name of its layout says nothing.
    """

    citation: str
    url: str
    terms: str
    pictures: bool = False
    called: str = ""


ATTRIBUTIONS: Mapping[str, Attribution] = MappingProxyType(
    {
        "DRIVE": Attribution(
            citation="Staal et al., IEEE Transactions on Medical Imaging 23(4), 2004, "
            "doi:10.1109/TMI.2004.825627; Image Sciences Institute, UMC Utrecht",
            url="https://drive.grand-challenge.org/",
            terms="research and educational purposes; no redistribution, no unauthorized "
            "commercial use",
        ),
        "CHASE_DB1": Attribution(
            citation="Fraz et al., IEEE Transactions on Biomedical Engineering 59(9), 2012, "
            "doi:10.1109/TBME.2012.2205687; Kingston University London with St George's, "
            "University of London",
            url="https://researchdata.kingston.ac.uk/96/",
            terms="CC BY 4.0",
            pictures=True,
        ),
        "HRF": Attribution(
            citation="Budai et al., International Journal of Biomedical Imaging, 2013, "
            "doi:10.1155/2013/154860; FAU Erlangen-Nürnberg and Brno University of Technology",
            url="https://www5.cs.fau.de/research/data/fundus-images/",
            terms="CC BY 4.0",
            pictures=True,
        ),
    }
)
"""By the name of the data set; LICENSE-WEIGHTS quotes the terms in full."""
