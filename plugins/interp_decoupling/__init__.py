"""Network Decoupling: networks whose filters are switched on and off for each image."""

from pathlib import Path

from interp.spec import ModelSource

CREATURES = ModelSource(str(Path(__file__).with_name("models") / "creatures-resnet"))
"""creatures-resnet with controlling modules that switch its filters for each image."""
