"""Choices of parts and of how they are switched off, for methods composed in a registry.yaml."""

from interp_standard.perturbation.channel import ChannelMasks, Channels
from interp_standard.perturbation.region import Cells, Superpixels
from interp_standard.perturbation.smooth import SmoothCells
from interp_standard.perturbation.window import Windows

PERTURBATIONS = {
    "cells": Cells,
    "windows": Windows,
    "superpixels": Superpixels,
    "smooth-cells": SmoothCells,
    "channels": Channels,
    "channel-masks": ChannelMasks,
}
