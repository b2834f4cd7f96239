"""Localization: how well a map finds the object, compared with a centred Gaussian."""
