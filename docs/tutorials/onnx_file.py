# %% [markdown]
# # An ONNX file
#
# An ONNX file holds a network without the program that made it. It answers scores and no gradients,
# and yet most methods run on it: they perturb, or PyTorch runs the file's operations once more and
# records them. First we need a file.

# %%
import torch

import interp

network = interp.open_model("creatures-vgg")
picture = torch.zeros(1, 3, *network.spec.input.size)
program = torch.onnx.export(
    network.module(),
    (picture,),
    "creatures.onnx",
    input_names=["images"],
    output_names=["scores"],
    dynamic_shapes=({0: torch.export.Dim.DYNAMIC},),
    verbose=False,
)

# %% [markdown]
# The file says neither how images are normalised nor what the classes are called. Both are known
# here, so we say them; for a file from elsewhere, ask whoever trained it. Wrong preprocessing
# gives wrong scores and explanations that look fine.

# %%
from interp import ModelOptions
from interp.errors import InterpError

options = ModelOptions(input=network.spec.input.model_dump(), classes=network.spec.classes)
file = interp.open_model("creatures.onnx", options=options)
print(file)

# %% [markdown]
# What a model offers decides which methods run on it.

# %%
print(sorted(file.capabilities))
try:
    interp.explain(file, "two", method="deeplift")
except InterpError as error:
    print(error)

# %% [markdown]
# DeepLIFT hooks into PyTorch modules, which a file has not, and says so. Grad-CAM needs gradients
# from a layer to the score, and has them: the file's operations were run by PyTorch and compared
# with what onnxruntime answers.

# %%
from_file = interp.explain(file, "two", method="gradcam", target="arbo")
from_file.plot()

# %% [markdown]
# Is it the same map as PyTorch's? It should be, up to rounding.

# %%
from_module = interp.explain(network, "two", method="gradcam", target="arbo")
difference = abs(from_file.map() - from_module.map()).max()
print(f"largest difference: {difference / abs(from_module.map()).max():.1e} of the strongest value")

# %% [markdown]
# More on files, layers' names and what converters do to them: [Models](../models.md).
