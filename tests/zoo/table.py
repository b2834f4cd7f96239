"""The zoo: models as people have them, and what each is known to refuse."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from interp.spec import ModelOptions
from zoo.module import (
    CLASSES,
    Answering,
    BatchStatistics,
    Branching,
    ChannelsLast,
    FlatHead,
    Functional,
    Net,
    Output,
    SharedWeights,
    exported,
    factory,
    function,
    module,
    torchscript,
)
from zoo.named import timm, torchvision, torchvision_module, transformers
from zoo.onnx_file import (
    Bytes,
    Normalising,
    Softmax,
    TwoOutputs,
    dynamo,
    file,
    fixed_batch,
    nhwc,
    of_bytes,
    to_half,
    to_int8,
    with_features,
    with_label,
    with_weights_as_inputs,
)
from zoo.specimen import Specimen

SMALL: dict[str, Any] = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
PATCHES: dict[str, Any] = {"image_size": 32, "patch_size": 8, "intermediate_size": 64, **SMALL}
VIT = "img_size=64,depth=3"


def opens(name: str) -> dict[str, str]:
    """No layers and no gradients: what a model that only answers scores refuses."""
    return {
        "layers": f"a cut needs CUT; {name} offers",
        "gradcam": f"gradcam needs CUT; {name} offers",
        "chip": f"chip needs ACTIVATIONS; {name} offers",
        "mint": f"mint needs ACTIVATIONS; {name} offers",
    }


TORCHVISION = [
    torchvision("resnet18", always=True),
    torchvision("densenet121"),
    torchvision("mobilenet_v2"),
    torchvision("mobilenet_v3_small"),
    torchvision("efficientnet_b0"),
    torchvision("regnet_y_400mf"),
    torchvision("squeezenet1_1"),
    torchvision("shufflenet_v2_x0_5"),
    torchvision("mnasnet0_5"),
    torchvision("swin_t"),
    torchvision_module("vgg11", 32),
    torchvision_module("vit", 64, lambda models: models.VisionTransformer(
        64, 16, 3, 4, 64, 128, num_classes=CLASSES)),
    torchvision_module("alexnet"),
    torchvision_module("googlenet"),
    torchvision_module("inception_v3", 80),
    torchvision_module("resnext50_32x4d"),
    torchvision_module("convnext_tiny"),
    torchvision_module("swin_v2", 32, lambda models: models.SwinTransformer(
        [4, 4], 16, [1, 1], [2, 2], [4, 4], num_classes=CLASSES,
        block=models.swin_transformer.SwinTransformerBlockV2,
        downsample_layer=models.swin_transformer.PatchMergingV2)),
    torchvision_module("maxvit", 64, lambda models: models.MaxVit(
        (64, 64), 16, 4, [16, 32], [1, 1], 8, 0.0, num_classes=CLASSES)),
]  # fmt: skip
TIMM = [
    timm("vit_tiny_patch16_224", arguments=VIT, always=True),
    timm("deit_tiny_distilled_patch16_224", arguments=VIT),
    timm("vit_tiny_patch16_224", 64, "img_size=64,depth=3,qk_norm=true,class_token=false,"
         "global_pool=avg,reg_tokens=4", ", q/k norm, mean"),
    timm("vit_small_patch14_reg4_dinov2", 56, "img_size=56,depth=2"),
    timm("swin_tiny_patch4_window7_224", 56, "img_size=56"),
    timm("convnext_atto"),
    timm("mixer_s32_224", 128, "img_size=128"),
    timm("resmlp_12_224", 64, "img_size=64"),
    timm("gmlp_ti16_224", 64, "img_size=64"),
    timm("eva02_tiny_patch14_224", 56, "img_size=56,depth=2"),
    timm("beit_base_patch16_224", 64, "img_size=64,depth=2,embed_dim=48,num_heads=3"),
    timm("efficientvit_b0"),
    timm("efficientformer_l1", 224),
    timm("mobilevit_xxs"),
    timm("mobilevitv2_050"),
    timm("levit_128s", 224),
    timm("cait_xxs24_224", 64, "img_size=64,depth=3"),
    timm("xcit_nano_12_p16_224", 64, "img_size=64,depth=2"),
    timm("poolformer_s12"),
    timm("ghostnet_050"),
    timm("hrnet_w18_small"),
    timm("mobilenetv4_conv_small_050"),
    timm("fastvit_t8"),
    timm("repvgg_a0"),
    timm("nfnet_l0"),
    timm("coat_lite_tiny", 64, "img_size=64"),
    timm("edgenext_xx_small"),
]  # fmt: skip
TRANSFORMERS = [
    transformers("vit", **PATCHES),
    transformers("deit", **PATCHES),
    transformers("beit", **PATCHES),
    transformers("dinov2", image_size=32, patch_size=8, **SMALL),
    transformers("swin", image_size=32, patch_size=2, embed_dim=16, depths=[1, 1],
                 num_heads=[2, 2], window_size=4),
    transformers("convnext", hidden_sizes=[16, 32], depths=[1, 1], num_stages=2),
    transformers("resnet", hidden_sizes=[16, 32], depths=[1, 1], embedding_size=16,
                 layer_type="basic"),
    transformers("mobilevit", image_size=64, size=64, initializer_range=0.2),
    transformers("mobilenet_v2", size=64, initializer_range=0.2),
    transformers("regnet", hidden_sizes=[16, 32], depths=[1, 1], embedding_size=16,
                 groups_width=8),
]  # fmt: skip
MODULES = [
    module("DataParallel", Net, nn.DataParallel, always=True),
    module("torch.compile", Net, torch.compile),
    module("half", Net, nn.Module.half, rounded=True, tolerance=1e-2),
    module("bfloat16", Net, nn.Module.bfloat16, rounded=True, tolerance=5e-2),
    module("double", Net, nn.Module.double),
    module("in train mode", Net, nn.Module.train),
    module("dictionary of scores", lambda: Answering(lambda z: {"logits": z, "loss": None}),
           scores=lambda out: out["logits"]),
    module("tuple of scores", lambda: Answering(lambda z: (z, None)), scores=lambda out: out[0]),
    module("dataclass of scores", lambda: Answering(Output), scores=lambda out: out.scores,
           always=True),
    module("sigmoid of several labels", lambda: Answering(torch.sigmoid)),
    module("softmax inside", lambda: Answering(lambda z: z.softmax(1))),
    module("one logit", lambda: Net(outputs=1)),
    module("one probability", lambda: Answering(torch.sigmoid, 1)),
    module("regression", lambda: Net(outputs=2), options={"readout": "value"}),
    module("flattened head", FlatHead),
    module("functions for layers", Functional),
    module("shared weights", SharedWeights),
    module("branches on its input", Branching),
    module("maps (N, h, w, C)", ChannelsLast),
    module("statistics of the batch", BatchStatistics),
    module("1 channel", lambda: Net(1), channels=1),
    module("2 channels", lambda: Net(2), channels=2),
    module("4 channels", lambda: Net(4), channels=4),
    module("8 channels", lambda: Net(8), channels=8),
    Specimen("module:factory and a trainer's checkpoint", "modules", factory),
    Specimen("TorchScript file", "modules", torchscript, refusals=opens("net")),
    Specimen(".pt2 file", "modules", exported),
    Specimen("a Python function", "modules", function, refusals=opens("score"), always=True),
]  # fmt: skip


def _resnet() -> nn.Module:
    from torchvision.models import ResNet
    from torchvision.models.resnet import BasicBlock

    return ResNet(BasicBlock, [1, 1, 1, 1], num_classes=CLASSES)


def _convnext() -> nn.Module:
    from torchvision.models.convnext import CNBlockConfig, ConvNeXt

    return ConvNeXt([CNBlockConfig(16, 32, 1), CNBlockConfig(32, None, 1)], num_classes=CLASSES)


def _swin() -> nn.Module:
    from torchvision.models import SwinTransformer

    return SwinTransformer([4, 4], 16, [1, 1], [2, 2], [4, 4], num_classes=CLASSES)


def _vit() -> nn.Module:
    import timm

    return timm.create_model(
        "vit_tiny_patch16_224", img_size=32, patch_size=8, depth=2, num_classes=CLASSES
    )  # type: ignore[no-any-return]


ROUNDED: dict[str, Any] = {"rounded": True, "tolerance": 1e-2}
ONNX = [
    file("ResNet, by TorchScript", _resnet, always=True),
    file("ResNet, by dynamo", _resnet, dynamo),
    file("ConvNeXt, by TorchScript", _convnext, size=32),
    file("ConvNeXt, by dynamo", _convnext, dynamo, size=32),
    file("Swin, by dynamo", _swin, dynamo, size=32),
    file("ViT, by TorchScript", _vit, size=32),
    file("ViT, by dynamo", _vit, dynamo, size=32),
    file("fixed batch of 1", export=fixed_batch),
    file("fp16", edit=to_half, **ROUNDED),
    file("int8, QDQ", edit=to_int8("QDQ"), **ROUNDED),
    file("int8, QOperator", edit=to_int8("QOperator"), **ROUNDED),
    file("NHWC input", export=nhwc),
    file("uint8 input", Bytes, of_bytes, whole=True),
    file("normalisation inside", Normalising, options=ModelOptions(
        device="cpu", input={"mean": (0, 0, 0), "std": (1, 1, 1)})),
    file("features before scores", TwoOutputs, with_features, scores=lambda out: out[1]),
    file("label before scores", edit=with_label),
    file("weights among the inputs", edit=with_weights_as_inputs),
    file("softmax inside the graph", Softmax),
    file("1 channel, ONNX", lambda: Net(1), channels=1),
    file("4 channels, ONNX", lambda: Net(4), channels=4, always=True),
]  # fmt: skip

ZOO: list[Specimen] = [*TORCHVISION, *TIMM, *TRANSFORMERS, *MODULES, *ONNX]
