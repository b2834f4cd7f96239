# %% [markdown]
# # Evaluate: which method to believe
#
# A map that convinces the eye may have nothing to do with the network. `evaluate` measures maps
# over many images, beside three that see no model: noise, a blob in the middle, an edge detector.
# A method that is no better than those has shown nothing.

# %%
import interp

table = interp.evaluate(
    "creatures-vgg",
    "creatures",
    methods=["gradcam", "hirescam", "occlusion"],
    metrics=["deletion", "energy-parts"],
    limit=12,
    budget=500,
    out="measured",
)

# %% [markdown]
# `creatures` is a shipped data set of generated animals. Since they are generated, it is known
# which parts tell the class, so that we can measure whether a map lies on them (`energy-parts`,
# more is better). `deletion` needs no such truth: it hides pixels in the map's order and measures
# how fast the score falls (less is better). Twelve images keep this page quick; take hundreds.

# %%
for metric, row in table.table.items():
    print(metric)
    for method, cell in row.items():
        mean = cell.mean
        print(f"  {method:12} {mean.value:.2f}  [{mean.low:.2f}, {mean.high:.2f}]")

# %% [markdown]
# In brackets are 95 % intervals over the images. Grad-CAM is no better than the maps that see no
# model: this network has a fully connected head, at which its mean over cells loses the place.
# HiResCAM, which takes no such mean, reads the same layer and does well. Neither picture would
# have told you.
#
# The plot that `out` saved shows the same:

# %%
from PIL import Image

Image.open("measured/plot.png")

# %% [markdown]
# No metric is the truth: each asks one question, and an edge detector does well in some. What each
# measures and what 50 images say of eight methods: [How good are the maps?](../evaluate.md).
