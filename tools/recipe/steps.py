"""The steps of recipes: each calls the implementation of the command of the same name.

A step is one table of a recipe's file. Paths are relative to the current folder, in which the
recipe works; `out` of a step that measures is relative to the folder of the result, and `config` to
the checkout. A step whose output exists already is not repeated.
"""

from typing import Annotated

from pydantic import Field

from recipe.judging import Augmented, Evaluate, Failures, Plot, Script
from recipe.making import (
    Calibrate,
    DiscLabels,
    Export,
    Keep,
    Patches,
    SoftLabels,
    Synth,
    Train,
    TypeLabels,
)

Step = Annotated[
    Synth
    | Patches
    | Train
    | Calibrate
    | Export
    | Evaluate
    | Augmented
    | SoftLabels
    | TypeLabels
    | DiscLabels
    | Failures
    | Plot
    | Keep
    | Script,
    Field(discriminator="do"),
]
