"""CSG: training networks whose filters belong to classes."""

from pathlib import Path

from interp.spec import ModelSource

CREATURES = ModelSource(str(Path(__file__).with_name("models") / "creatures-resnet"))
"""creatures-resnet trained on with gates, so that each filter belongs to a class."""
