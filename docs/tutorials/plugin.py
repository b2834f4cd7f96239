# %% [markdown]
# # Write a plugin
#
# A method of your own is a small package. `interp new` writes one that works at once; you replace
# what it does.

# %%
# !interp new method darkness

# %%
from pathlib import Path

package = Path("interp-darkness")
for file in sorted(package.rglob("*")):
    if file.is_file():
        print(file.relative_to(package))

# %% [markdown]
# `registry.yaml` says what the package brings; nothing else has to be told to anyone.

# %%
print((package / "interp_darkness/registry.yaml").read_text())

# %% [markdown]
# The method itself is a class. What was written for us hides one cell after another and takes the
# drop in score:

# %%
print((package / "interp_darkness/__init__.py").read_text())

# %% [markdown]
# Usually you would now `pip install -e interp-darkness`. To try it without installing, name its
# registry file.

# %%
import sys

import interp
from interp.registry import Registry

sys.path.insert(0, str(package))
registry = Registry.load(package / "interp_darkness/registry.yaml")
found = interp.explain("creatures-vgg", "two", method="darkness", target="fenka", registry=registry)
found.plot()

# %% [markdown]
# Does it do what it promises? `interp check` holds it against networks whose answer is known, and
# against the rules that every method keeps: it changes nothing, repeats itself, names what it
# lacks.

# %%
# !interp check darkness --registry interp-darkness/interp_darkness/registry.yaml

# %% [markdown]
# It is now one of the methods: in `compare`, `evaluate`, the report and the dashboard. The other
# kinds of extension are written the same way, `interp new` lists them:
# [Contracts](../contracts.md), [Write a package](../extending.md).
