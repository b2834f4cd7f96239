# %% [markdown]
# # A first explanation
#
# A network says *fenka*. Which parts of the picture made it say so? This takes five lines. The
# network and the pictures are shipped with the package, so nothing has to be downloaded; both were
# made for this purpose, so that the right answer is known.

# %%
import interp

network = interp.open_model("creatures-vgg")
network.spec.classes

# %% [markdown]
# `two` is a shipped picture of two of these creatures: a fenka, known by its ring tail, and an
# arbo, known by its round head and paddle tail. `rise` hides random parts of the picture two
# thousand times and remembers what the network answered; `target` is the class whose score is
# explained.

# %%
found = interp.explain(network, "two", method="rise", samples=2000, target="fenka")
found.plot()

# %% [markdown]
# Red speaks for *fenka*, blue against it. The ring tail is red, and the other creature's head is
# slightly blue: hiding it makes the network surer. Now the same question about the other class.

# %%
other = interp.explain(network, "two", method="rise", samples=2000, target="arbo")
other.plot()

# %% [markdown]
# The map moved to the other creature. A method whose map stays where it is, whatever the class,
# answers another question (try `eigencam`).
#
# The picture is for the eye; the numbers behind it are an array over the image, in the unit of the
# score.

# %%
heat = found.map()
print(heat.shape, heat.dtype)
print(f"strongest: {heat.max():+.3f}, weakest: {heat.min():+.3f}")

# %% [markdown]
# Would chance have drawn another map? The method is random, so ask it twice with different seeds
# and look at how well the two maps agree. Near 1 the samples suffice.

# %%
import numpy as np

again = interp.explain(network, "two", method="rise", samples=2000, target="fenka", seed=1)
print(f"correlation of two seeds: {np.corrcoef(heat.ravel(), again.map().ravel())[0, 1]:.2f}")

# %% [markdown]
# Keep it. The folder holds the pictures, the numbers, and what is needed to repeat it; nothing in
# it is pickled. `interp show rise` on the command line says how the method works and when it
# misleads.

# %%
folder = found.save("why-fenka")
print(sorted(each.name for each in folder.iterdir()))

# %% [markdown]
# Next: [your own network](own_model.ipynb), or [several methods side by side](compare.ipynb).
