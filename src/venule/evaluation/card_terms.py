"""The attributions of all data sets that state one."""

from collections.abc import Mapping
from types import MappingProxyType

from venule.data.catalog import LAYOUTS
from venule.data.layout import Attribution

ATTRIBUTIONS: Mapping[str, Attribution] = MappingProxyType(
    {layout.name: layout.terms for layout in LAYOUTS if layout.terms is not None}
)
"""Attributions by data set; LICENSE-WEIGHTS quotes the terms in full."""
