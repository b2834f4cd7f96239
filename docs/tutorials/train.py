# %% [markdown]
# # Train a network that can be read
#
# So far a network was explained as it is. Some methods train it so that it explains itself: with
# class-specific gates (CSG) each filter of the last layer comes to serve few classes, and it is
# known which. First some pictures, in a folder for each class.

# %%
# !interp data creatures --out pictures --count 240 --seed 7

# %% [markdown]
# `fit` trains the shipped network on, for three epochs, the last of them with gates. That takes
# about half a minute here; a real run takes longer (`interp show csg` lists the schedule).

# %%
import interp

learned = interp.fit("creatures-resnet", "pictures", method="csg", epochs=3, out="gated")
for epoch in learned.about["log"]:
    print({name: epoch[name] for name in ("epoch", "gated", "density", "accuracy")})

# %% [markdown]
# `density` is how full the table of filters and classes is: it began at one half, and one gated
# epoch has emptied half of that. `accuracy` is measured on two dozen pictures held out of
# training, so it is rough; it falls after the gated epoch, and with so few epochs it has no time
# to recover. The folder `gated` is a network that every function opens.

# %%
found = interp.explain("gated", "sample", method="csg")
print(found.provenance.targets)
[f"{each.kind}: {each.name}" for each in found.evidence]

# %% [markdown]
# One of these pieces of evidence is a map, made of the filters that belong to that class alone:

# %%
import matplotlib.pyplot as plt

plt.figure(figsize=(3, 3))
plt.imshow(found.images[0])
plt.imshow(found.map(), cmap="Reds", alpha=0.6)
_ = plt.axis("off")

# %% [markdown]
# And since we know whose each filter is, we can switch a class's filters off and see what its
# pictures are called then. If the filters are the class's own, they are no longer called by its
# name.

# %%
off = next(each for each in found.evidence if each.name == "filters switched off")
print(off.columns)
for row in off.rows:
    print(row)

# %% [markdown]
# One gated epoch makes a rough separation; the shipped `creatures-csg` was trained for longer.
# What it costs in accuracy and what it brings is measured in [Class-Specific Gates](../csg.md);
# Network Decoupling, which switches filters for each image, is [here](../decoupling.md).
