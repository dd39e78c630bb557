"""Whether inputs fit a model, and what the model calls them: its published schema."""

from kontext_nb.schema.checks import Problem, described, problems, refuse
from kontext_nb.schema.dialect import (
    PictureField,
    aspect_ratios,
    fields,
    picture_field,
    required,
    seed_range,
    shown,
)
from kontext_nb.schema.inputs import adapted, read_inputs
from kontext_nb.schema.shapes import misfit

__all__ = [
    "PictureField",
    "Problem",
    "adapted",
    "aspect_ratios",
    "described",
    "fields",
    "misfit",
    "picture_field",
    "problems",
    "read_inputs",
    "refuse",
    "required",
    "seed_range",
    "shown",
]
