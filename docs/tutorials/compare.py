# %% [markdown]
# # Compare methods, and decide
#
# Methods define "important" differently, so they disagree, and a single map is an opinion. Put
# several side by side, of different families, on one colour scale.

# %%
import interp

network = interp.open_model("creatures-vgg")
methods = ["rise", "lime", "integrated-gradients", "gradcam", "edges"]
both = interp.compare(network, "two", methods=methods, target="arbo", budget=1000)
both.plot()

# %% [markdown]
# Four methods and an edge detector, which never sees the network. Which of them tell us something?
# First: who agrees with whom? These are rank correlations of the maps.

# %%
print(" " * 22, *(f"{name[:8]:>9}" for name in methods))
for name, row in zip(methods, both.agreement, strict=True):
    print(f"{name:22}", *(f"{value:9.2f}" for value in row))

# %% [markdown]
# Agreement is no proof, since two methods may share a fault, but disagreement is a warning. So ask
# the network itself: paint over what each map calls most important, a hundredth of the picture,
# and see how far the score falls. A map is good as far as it finds what the network needs.

# %%
import numpy as np

picture = both.cases[0].image
arbo = network.spec.classes.index("arbo")


def score(image):
    pixels, _ = network.prepare(image)
    return float(network.probabilities(network.predict(pixels[None]))[0, arbo])


def without_the_strongest(heat, share=0.01):
    hidden = picture.copy()
    hidden[heat >= np.quantile(heat, 1 - share)] = picture.reshape(-1, 3).mean(0)
    return hidden


print(f"{'nothing':22} {score(picture):.2f}")
for name in methods:
    print(f"{name:22} {score(without_the_strongest(both.map(name))):.2f}")

# %% [markdown]
# The lower, the better the map found what counts: four maps did, the edges did not. One picture is
# an anecdote, though, and painting over is a question of its own, which may favour methods that
# paint over, too: [Evaluate](evaluate.ipynb) asks many pictures, by several measures, with
# intervals.
#
# You need not choose methods by hand. `suggest` tries those that can answer on your model, and
# recommends three of different families, with the reason for each.

# %%
advice = interp.suggest(network, "two", target="arbo", seconds=5)
print(advice)
