"""Choosing a model, images, classes and methods: widgets that several pages share."""
