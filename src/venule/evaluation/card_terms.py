"""The attributions of all data sets that state one."""

from collections.abc import Mapping
from types import MappingProxyType

from venule.data.attribution import Attribution
from venule.data.catalog import LAYOUTS

ATTRIBUTIONS: Mapping[str, Attribution] = MappingProxyType(
    {layout.name: layout.terms for layout in LAYOUTS if layout.terms is not None}
)
"""Attributions by data set; LICENSE-WEIGHTS quotes the terms in full."""
