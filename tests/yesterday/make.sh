#!/bin/sh
# Writes every result of this folder anew, in a new folder, with the `interp` that is installed:
#     sh make.sh NEW_FOLDER
# What is kept here was written by version 0.1.0, before core was regrouped. The helper below
# makes pictures 48 pixels wide, which keeps files small, and can stop a command midway.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
mkdir "$1"
cd "$1"
mkdir .helper
cp "$here/small_net.py" .
export PYTHONPATH="${PYTHONPATH:-}:.:.helper" OMP_NUM_THREADS=1

cat >.helper/small.py <<'PYTHON'
import functools, sys
import interp.method

interp.method.Style = functools.partial(interp.method.Style, width=48)
import interp.evaluation.folder as evaluation, interp.growing as growing
import interp.report.page as page, interp.report.picture as picture
import interp.training.keep as keep, interp_chip.lesson as lesson
from interp.cli import main

picture.Painter.__init__.__defaults__ = (48,)
page.THUMB = 48


def stopped(kind, name, before):
    """Ctrl-C at the second call, before or after it."""
    work, calls = getattr(kind, name), []

    def call(*words):
        calls.append(words)
        if before and len(calls) == 2:
            raise KeyboardInterrupt
        made = work(*words)
        if not before:
            raise KeyboardInterrupt
        return made

    setattr(kind, name, call)


if sys.argv[1] == "stopped":
    sys.argv.pop(1)
    stopped(growing.Growing, "piece", before=True)
    stopped(evaluation.Partial, "keep", before=False)
    stopped(keep.Keep, "save", before=False)
    stopped(lesson.Lesson, "_save", before=False)
sys.exit(main(sys.argv[1:]))
PYTHON
interp() { python -m small "$@" >&2; }
stopped() { python -m small stopped "$@" >&2 && exit 1 || test $? = 130; }

# Two creatures, small and of few colours, and 15 images whose class is their colour.
python - <<'PYTHON'
from pathlib import Path
import numpy as np
from PIL import Image
import interp_creatures

samples = Path(interp_creatures.__file__).parent / "samples"
Path("photos").mkdir()
for name, box in {"sample": (0, 0, 112, 112), "two": (0, 0, 64, 64)}.items():
    image = Image.open(samples / f"{name}.png").convert("RGB").crop(box)
    small = image.resize((32, 32), Image.Resampling.LANCZOS)
    small.quantize(24, dither=Image.Dither.NONE).convert("RGB").save(f"photos/{name}.png")
for at in range(15):
    image = np.random.default_rng(at).integers(0, 60, (4, 4, 3), np.uint8).repeat(4, 0).repeat(4, 1)
    image[..., 2 - at % 3] += 120
    folder = Path("colours") / ("blue", "green", "red")[at % 3]
    folder.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image).save(folder / f"c{at}.png")
Path("names.txt").write_text("blue\ngreen\nred\n")
PYTHON

# What methods learned. PLAIN and DEEP are how the small networks are opened.
PLAIN="--model small_net:plain --input size=16 --classes names.txt --device cpu"
DEEP="--model small_net:deep --input size=16 --classes names.txt --device cpu"
LESSON="--plugin chip $PLAIN --data colours --masks 200 --correct false --layer last"
TRAINING="--epochs 3 --batch-size 6 --pad 1 --data colours"
interp fit $LESSON --out chip-known
interp fit $LESSON --shard 0/2 --out chip-part-0
interp fit $LESSON --shard 1/2 --out chip-part-1
stopped fit $LESSON --until stable --out chip-stopped
CSG="--plugin csg --model small_net:plain --input size=16 --device cpu $TRAINING --new-head
    --gate-rate 0.6"
interp fit $CSG --out csg-trained
stopped fit $CSG --out csg-stopped
interp fit --plugin decoupling --model csg-trained --device cpu $TRAINING --rate 0.05 \
    --out decoupling-trained
interp fit --plugin explainer $DEEP --data colours --epochs 2 --batch-size 6 --parts 4 \
    --out explainer-known
interp export small_net:plain --input size=16 --classes names.txt --out small.onnx
python - <<'PYTHON'
# The exporter notes where its own code lies; nothing reads that.
import onnx

model = onnx.load("small.onnx")
for node in [*model.graph.node, *(each for one in model.functions for each in one.node)]:
    kept = [each for each in node.metadata_props if "stack_trace" not in each.key]
    del node.metadata_props[:]
    node.metadata_props.extend(kept)
onnx.save(model, "small.onnx")
PYTHON

# One method on the shipped networks.
ON="--device cpu --image photos/sample.png"
interp run --plugin gradcam $ON --out run-gradcam
interp run --plugin mint $ON --budget 300 --out run-mint
interp run --plugin rise $ON --budget 100 --seed 3 --out run-rise
interp run --plugin lime $ON --budget 100 --out run-lime
interp run --plugin integrated-gradients $ON --model creatures-resnet --out run-integrated-gradients
interp run --plugin channel-ablation $ON --target "ikku, not hupi" --out run-channel-ablation
interp run --plugin occlusion $ON --image photos/two.png --window 0.4 --target ikku --target fenka \
    --out run-occlusion-two
interp run --plugin chip $ON --channels 1 --layer stage3 --out run-chip
interp run --plugin csg $ON --filters 1 --out run-csg

# The small networks: with what was learned, as trained, and as an ONNX file.
RED="--image colours/red/c2.png"
interp run --plugin chip $PLAIN $RED --knowledge chip-known --channels 1 --out run-chip-known
interp run --plugin explainer $DEEP $RED --knowledge explainer-known --filters 1 --out run-explainer
interp run --plugin decoupling --model decoupling-trained --device cpu $RED --filters 1 --neighbours 2 \
    --depth 1 --out run-decoupling
interp run --plugin kernelshap --model small.onnx --device cpu $RED --budget 100 --out run-onnx
interp survey --plugin csg --model csg-trained --device cpu --data colours --out survey-csg
interp survey --plugin explainer $DEEP --data colours --knowledge explainer-known --gallery 1 \
    --examples 1 --out survey-explainer

# Several methods, and several images: whole, and stopped after the first image.
SEVERAL="--plugins gradcam,occlusion --set occlusion.window=0.4 --device cpu --data photos"
interp compare $SEVERAL --out comparison
stopped compare $SEVERAL --out comparison-stopped
interp run --plugin gradcam --device cpu --data photos --out folder
interp run --plugin gradcam --device cpu --data photos --limit 1 --out folder-limited
MEASURED="--plugins gradcam,occlusion --metrics deletion,energy-parts --metric-set deletion.steps=4
    --set occlusion.window=0.4 --limit 2 --device cpu"
interp evaluate $MEASURED --out evaluation
interp evaluate $MEASURED --shard 0/2 --out evaluation-part-0
interp evaluate $MEASURED --shard 1/2 --out evaluation-part-1
stopped evaluate $MEASURED --out evaluation-stopped

rm -rf .helper __pycache__ small_net.py
