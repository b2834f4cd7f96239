"""A failure of an evaluation is opened: its image, class and method on the page Compare."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest
from tests.dashboard.conftest import PATIENCE, Visitor

from interp.evaluation.data import ChosenImages
from interp.evaluation.evaluate import evaluate
from interp.evaluation.request import EvaluationRequest
from interp.opening.images import open_data
from interp.registry import Registry
from interp.request import Choice
from interp.session import Session
from interp_dashboard.session import KEY

OPEN = "Open this image with this method"
BROKEN = Choice(name="gradcam", params={"layer": "stage2"})


@pytest.fixture(scope="module")
def evaluation():
    """Two methods on three images; one of them is said to have failed on the last one."""
    request = EvaluationRequest(
        methods=(BROKEN, Choice(name="centre")),
        metrics=(Choice(name="pointing"),),
        model="creatures-resnet",
        limit=3,
    )
    found = evaluate(request, Session(Registry.load()))
    *others, last = found.records
    failed = last.model_copy(update={"failures": {"gradcam": {"explain": "it *broke*"}}})
    return replace(found, records=(*others, failed))


def script(found):
    from interp_dashboard.failure_view import show_failures

    show_failures(found)


def shown(found):
    page = AppTest.from_function(script, args=(found,), default_timeout=PATIENCE)
    return Visitor(page.run())


def test_the_image_is_chosen_with_its_class_model_and_method(evaluation, started, visit):
    visitor = shown(evaluation)
    assert not visitor.errors and "it *broke*" in visitor.words
    visitor.press(OPEN)
    assert not visitor.errors
    record, mine = evaluation.records[-1], visitor.page.session_state[KEY]
    chosen = mine.selection
    assert (chosen.images, chosen.targets) == ((record.image,), (record.target,))
    assert (chosen.model, chosen.methods) == ("creatures-resnet", (BROKEN,))
    data = open_data(Registry.load(), "creatures", 3)
    expected = ChosenImages(data, 3, evaluation.model.classes)[record.position].image
    np.testing.assert_array_equal(mine.opened[record.image].pixels, expected)
    compare = visit("compare", session=mine.name)
    assert not compare.errors and not compare.warnings
    assert compare.session.selection.images == (record.image,)
    compare.press("Run").finish("compare")
    result = compare.session.jobs["compare"].result
    assert result.model.name == "creatures-resnet" and result.methods == ["gradcam"]
    assert result.request.methods[0].params["layer"] == "stage2"
    assert result.records[0].targets == (record.target,)


def test_where_nothing_failed_nothing_is_offered(evaluation, started):
    whole = [each.model_copy(update={"failures": {}}) for each in evaluation.records]
    visitor = shown(replace(evaluation, records=tuple(whole)))
    assert not visitor.words and not visitor.page.button


@pytest.mark.parametrize("field", ["model", "data"])
def test_a_model_or_data_that_are_not_offered_here_are_not_opened(evaluation, started, field):
    request = evaluation.request.model_copy(update={field: "/somewhere/else"})
    visitor = shown(replace(evaluation, request=request))
    assert "it *broke*" in visitor.words and not visitor.page.button


def test_parameters_of_a_method_are_those_of_the_evaluation(visit):
    visitor = visit("evaluate")
    methods, metrics = visitor.page.multiselect[:2]
    methods.set_value(["rise"])
    metrics.set_value(["pointing"])
    visitor.page.number_input[0].set_value(2).run()
    visitor.page.number_input(key="evaluate rise.cells").set_value(5).run()
    visitor.press("Evaluate").finish("evaluation")
    assert not visitor.errors
    found = visitor.session.jobs["evaluation"].work
    work = getattr(found, "work", found)
    assert work.request.methods == (Choice(name="rise", params={"cells": 5}),)
