# %% [markdown]
# # A Python function as the model
#
# Sometimes there is no network to open: a model behind an interface, a pipeline of several steps,
# another framework. Whatever turns images into scores can be explained, if it can be asked often
# enough.
#
# Here is a classifier without any network. It counts orange and blue pixels.

# %%
import numpy as np

import interp


def colours(images):
    """Shares of orange, of blue and of neither, (N, 3), of images (N, h, w, 3) uint8 RGB."""
    red, _, blue = np.moveaxis(images, -1, 0)
    orange = (red > 150) & (blue < 100)
    light_blue = (blue > 150) & (red < 150)
    counts = np.stack([orange.mean((1, 2)), light_blue.mean((1, 2)), np.full(len(images), 0.05)], 1)
    return counts / counts.sum(1, keepdims=True)


# %% [markdown]
# What it is given and what its answers are called is said by `ModelOptions`.

# %%
from interp import ModelOptions
from interp.errors import InterpError

options = ModelOptions(input={"size": (112, 112)}, classes=["orange", "blue", "neither"])
found = interp.explain(
    colours, "two", method="rise", samples=2000, target="orange", options=options
)
found.plot()

# %%
found.notes

# %% [markdown]
# A function gives no gradients and has no layers, so only methods that perturb the image run on
# it. Asking for another one says what is missing:

# %%
try:
    interp.explain(colours, "two", method="gradcam", options=options)
except InterpError as error:
    print(error)

# %% [markdown]
# Which methods do run is a column of the [table of methods](../reference.md#where-they-run). Each
# question costs time, so compare what they need: LIME with 500 samples, and occlusion, which needs
# one for each place of its square.

# %%
methods = {"lime": {"samples": 500}, "occlusion": {}}
both = interp.compare(colours, "two", methods=methods, target="blue", options=options)
both.plot()

# %% [markdown]
# A model behind HTTP is opened by its address, and asked in batches: [Models](../models.md).
