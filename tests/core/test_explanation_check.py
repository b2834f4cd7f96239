"""Whose fault an answer is that cannot be used, and what is wrong with it."""

from __future__ import annotations

import numpy as np
import pytest

from interp.errors import InterpError, PluginError
from interp.registry import Registry
from interp.request import Request
from interp.run import fit, run, survey
from interp.session import Session
from interp.testing import ToyModel

IMAGES = [np.zeros((40, 50, 3), np.uint8), np.zeros((20, 30, 3), np.uint8)]
CODE = """
    import numpy as np, torch
    from interp.evidence import *
    from interp.explanation import Explanation
    from interp.method import Method, PerImageMethod

    ones = np.ones((40, 50))

    def heat(values=ones, **more):
        return Heatmap(**{"name": "map", "target": None, "image": 0, "values": values, **more})

    class Wrong(Method):
        def explain(self, model, images, targets, knowledge, context):
            return ANSWER
        def survey(self, model, dataset, knowledge, context): return 3
        def fit(self, model, dataset, context): return None
"""
REGISTRY = """
    entries:
      - {kind: method, name: wrong, summary: s, answers: where, object: "NAME:Wrong"}
"""
USED = "wrong returned evidence that cannot be used: "
WRONG = {
    "None": "wrong returned None; expected an interp.explanation.Explanation",
    "ones": "wrong returned a numpy.ndarray; expected an interp.explanation.Explanation",
    "Explanation(heat())": f"{USED}evidence holds a interp.evidence.Heatmap; expected a tuple of",
    "Explanation((3,))": f"{USED}evidence holds a int; expected a tuple of Evidence",
    "Explanation((heat(),), notes='much')": f"{USED}notes holds a str; expected a tuple of str",
    "Explanation((heat(torch.ones(40, 50)),))": f"{USED}heatmap 'map': values is a torch.Tensor; ",
    "Explanation((heat(ones.tolist()),))": "wrong failed: AttributeError",
    "Explanation((heat(ones.astype(object)),))": f"{USED}heatmap 'map': values is an array of obj",
    "Explanation((heat(ones.astype(complex)),))": f"{USED}heatmap 'map': values is an array of co",
    "Explanation((heat(r2=torch.ones(1)),))": f"{USED}heatmap 'map': r2 is a torch.Tensor; expect",
    "Explanation((heat(),), scores={'cat': {'r2': np.float32(1)}})": "scores.cat.r2 is a numpy.fl",
    "Explanation((heat(ones[1:]),))": "heatmap 'map' is 39 x 50; expected the image's 40 x 50",
    "Explanation((heat(ones[1:], image=None),))": "heatmap 'map' is 39 x 50; expected the image's",
    "Explanation((heat(image=7),))": "heatmap 'map' is about image 7 of 1; expected a number",
    "Explanation((Outline(name='o', image=0, box=ones[0, :4], mask=ones[:3]),))": "outline 'o' is ",
    "Explanation((Concepts(name='c', image=0, maps=ones[None, :9], importance=ones[0, :1], "
    "names=['x']),))": "concepts 'c' is 9 x 50; expected the image's 40 x 50",
}


def opened(package, answer: str) -> Session:
    package(CODE.replace("ANSWER", answer), REGISTRY, installed=True)
    return Session(Registry.load(), ToyModel())


@pytest.mark.parametrize("answer", WRONG)
def test_a_wrong_answer_is_the_methods_fault(package, answer: str) -> None:
    with pytest.raises(PluginError) as caught:
        run(Request(method="wrong"), opened(package, answer), images=IMAGES[:1])
    said = str(caught.value)
    assert said.startswith("wrong ") and WRONG[answer] in said
    assert "\n" not in said and len(said) < 400


def test_sizes_are_those_of_each_image(package) -> None:
    both = "Explanation(tuple(heat(np.ones(im.shape[:2]), image=i) for i, im in enumerate(images)))"
    session = opened(package, both)
    found = run(Request(method="wrong", targets=("0",)), session, images=IMAGES).explanation
    assert [each.values.shape for each in found.evidence] == [(40, 50), (20, 30)]


def test_surveys_and_knowledge_are_looked_at_too(package) -> None:
    from interp.testing.toy_models import Scenes, known_model

    session = opened(package, "None")
    model = known_model(session.registry)
    data = Scenes(model)
    for verb, words in (
        (survey, "wrong returned a int; expected an interp.explanation.Explanation"),
        (fit, "wrong returned None; expected an interp.knowledge.Knowledge"),
    ):
        with pytest.raises(InterpError, match=words):
            verb(Request(method="wrong"), Session(session.registry, model), dataset=data)
