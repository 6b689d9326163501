"""Authors and licence terms of a data set's photographs and annotations."""

from pydantic import BaseModel


class Attribution(BaseModel, frozen=True, extra="forbid"):
    """Authors and terms of a data set; `pictures`: the terms allow its photographs in a page.

    `called` is its display name, where the name of its layout is not informative.
    """

    citation: str
    url: str
    terms: str
    pictures: bool = False
    called: str = ""
