"""Whose photographs and annotations a data set's are, and what their terms allow."""

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
