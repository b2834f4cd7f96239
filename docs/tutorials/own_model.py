# %% [markdown]
# # Your own PyTorch network
#
# Any `nn.Module` that turns a batch of images into a batch of scores can be explained. So that we
# can see whether the explanation is right, this network is made by hand: it looks for orange and
# for blue, and says which there is more of. Put your own trained network in its place.

# %%
import torch
from torch import nn

import interp


class Colours(nn.Module):
    """Scores of "orange" and "blue": how much there is of each colour."""

    def __init__(self):
        super().__init__()
        self.filters = nn.Conv2d(3, 2, kernel_size=5, padding=2)
        red, green, blue = [1.0, -0.3, -0.7], [-0.7, -0.3, 1.0], 5 * 5
        with torch.no_grad():
            self.filters.bias.fill_(-0.3)
            for number, colour in enumerate((red, green)):
                weights = torch.tensor(colour).view(3, 1, 1) / blue
                self.filters.weight[number] = weights.expand(3, 5, 5)

    def forward(self, images):  # (N, 3, h, w) -> (N, 2)
        return 40 * self.filters(images).relu().mean((2, 3))


colours = Colours()

# %% [markdown]
# A module does not say how large its pictures are, how they are normalised, or what its classes
# are called. Say it once, when you open it. What you leave out is guessed, and every guess is told
# in `found.notes`.

# %%
from interp import ModelOptions

network = interp.open_model(
    colours,
    options=ModelOptions(
        input={"size": (112, 112), "mean": (0, 0, 0), "std": (1, 1, 1)},
        classes=["orange", "blue"],
    ),
)
[(each.name, each.grid) for each in network.layers()]

# %% [markdown]
# Those are the layers with a grid, at which a class activation map can be made. The shipped
# picture shows an orange creature and a blue one. Where does this network see orange?

# %%
found = interp.explain(network, "two", method="hirescam", layer="filters", target="orange")
found.plot()

# %%
found.notes

# %% [markdown]
# The orange creature, and nothing else: right, as we know from the weights. Explanations that a
# user cannot check deserve the same test before they are believed: explain a network whose answer
# you know. `interp check hirescam` does that with several.
#
# Now a question with two sides: what speaks for orange *rather than* blue?

# %%
contrast = interp.explain(network, "two", method="integrated-gradients", target="orange, not blue")
contrast.plot()

# %% [markdown]
# Red where it is orange, blue where it is blue. Your images may be files, arrays, Pillow pictures
# or tensors; a network with other inputs is described by [`ModelOptions`](../models.md).
