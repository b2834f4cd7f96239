"""onnxruntime: execution providers that work, and sessions that share tensors with torch."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution

import onnxruntime
import torch
from onnx import ModelProto, TensorProto
from onnxruntime import (
    GraphOptimizationLevel,
    InferenceSession,
    OrtValue,
    SessionOptions,
)
from torch import Tensor

from interp.errors import ModelError
from interp_onnx.file import error_line

CPU, CUDA, TENSORRT = (f"{name}ExecutionProvider" for name in ("CPU", "CUDA", "Tensorrt"))
PROVIDERS = {"cpu": [CPU], "cuda": [CUDA, CPU], "tensorrt": [TENSORRT, CUDA, CPU]}
QUIET = 4
"""onnxruntime's log level at which it prints nothing: its errors are raised as well."""


@dataclass(frozen=True, eq=False)
class Session:
    """An inference session that takes and returns torch tensors."""

    inner: InferenceSession
    device: torch.device

    def __call__(self, *tensors: Tensor) -> list[Tensor]:
        """Outputs in their order; tensors are shared with onnxruntime, not copied."""
        binding = self.inner.io_binding()
        given = [each.detach().contiguous() for each in tensors]
        for port, tensor in zip(self.inner.get_inputs(), given, strict=True):
            binding.bind_ortvalue_input(port.name, OrtValue.from_dlpack(tensor))
        for port in self.inner.get_outputs():
            binding.bind_output(port.name, self.device.type, self.device.index or 0)
        if self.device.type == "cuda":  # onnxruntime works in a stream of its own
            torch.cuda.current_stream(self.device).synchronize()
        self.inner.run_with_iobinding(binding)
        return [torch.from_dlpack(each) for each in binding.get_outputs()]


@dataclass(frozen=True)
class Engine:
    """The execution providers of sessions, the wanted one first."""

    device: torch.device
    providers: tuple[str, ...]
    strict: bool = False
    """Whether the user named the device, so that falling back to the CPU is an error."""

    def session(self, model: ModelProto, strict: bool = False) -> Session:
        """A session of the model; `strict`: no node on the CPU. Raises onnxruntime's errors.

        Products of 8 bits do not saturate where onnxruntime can avoid it. On processors without
        VNNI it lets them by default, and a half of a network then rounds otherwise than the whole.
        """
        if any(each.data_type == TensorProto.INT8 for each in model.graph.initializer):
            with suppress(Exception):  # some operations lack a kernel that does not saturate
                return self._open(model, strict, {"session.x64quantprecision": "1"})
        return self._open(model, strict, {})

    def _open(self, model: ModelProto, strict: bool, settings: dict[str, str]) -> Session:
        options = SessionOptions()
        options.log_severity_level = QUIET
        options.intra_op_num_threads = torch.get_num_threads()
        inputs = {each.type.tensor_type.elem_type for each in model.graph.input}
        if TensorProto.DOUBLE in inputs:  # fused operations lack kernels of float64
            options.graph_optimization_level = GraphOptimizationLevel.ORT_ENABLE_BASIC
        # sessions alternate: a waiting one must not keep the cores from the other
        settings = {"session.intra_op.allow_spinning": "0"} | settings
        if strict:
            settings["session.disable_cpu_ep_fallback"] = "1"
        for name, value in settings.items():
            options.add_session_config_entry(name, value)
        named = [(each, self._options(each)) for each in self.providers]
        # its own way of falling back to the CPU prints to the screen
        inner = InferenceSession(model.SerializeToString(), options, named, enable_fallback=0)
        return Session(inner, self.device)

    def works(self, session: Session) -> bool:
        """Whether the session runs on the wanted provider."""
        return bool(session.inner.get_providers()[0] == self.providers[0])

    def _options(self, provider: str) -> dict[str, str]:
        return {} if provider == CPU else {"device_id": str(self.device.index or 0)}


def choose_engine(wanted: str | None) -> Engine:
    """The engine of a device; None: CUDA where torch and onnxruntime both have it, else the CPU."""
    _check_distributions()
    kind, _, index = (wanted or _default()).partition(":")
    if kind not in PROVIDERS or not (index.isdigit() or not index):
        raise ModelError(f"unknown device {wanted!r}; expected cpu, cuda, cuda:1 or tensorrt")
    if kind == "cpu":
        return on_cpu()
    strict = wanted is not None
    built = onnxruntime.get_available_providers()
    providers = PROVIDERS[kind][: -1 if strict else None]
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if providers[0] not in built:
        raise ModelError(f"this onnxruntime has no {providers[0]}; install onnxruntime-gpu")
    if int(index or 0) >= count:
        raise ModelError(f"device {wanted!r} is not there: {count} CUDA devices found; use cpu")
    return Engine(torch.device("cuda", int(index or 0)), tuple(providers), strict)


def open_session(engine: Engine, model: ModelProto, name: str) -> tuple[Engine, Session, list[str]]:
    """The model's session and its engine: the CPU, with a note, where an unnamed GPU fails."""
    try:
        session = engine.session(model, engine.strict)
    except Exception as error:  # onnxruntime's errors share no class
        raise ModelError(f"{name}: onnxruntime cannot open it: {_reason(error, model)}") from error
    if engine.works(session):
        return engine, session, []
    first = engine.providers[0]
    if engine.strict:
        raise ModelError(
            f"{name}: {first} does not work here; found {', '.join(session.inner.get_providers())};"
            " check the CUDA and cuDNN versions, or use --device cpu"
        )
    spare = on_cpu()
    note = f"{first} does not work here, the model runs on the CPU; check CUDA and cuDNN versions"
    return spare, spare.session(model), [note]


def _reason(error: Exception, model: ModelProto) -> str:
    """The reason in one line, in our own words where the opset is too new."""
    newest = re.search(r"till opset (\d+)", str(error))
    if newest is None:
        return f"{error_line(error)}; check it with onnx.checker, or export it again"
    found = max(each.version for each in model.opset_import)
    return (
        f"found opset {found}, onnxruntime {onnxruntime.__version__} reads up to {newest[1]}; "
        "export with an older opset or update onnxruntime"
    )


def on_cpu() -> Engine:
    """The engine of the CPU."""
    return Engine(torch.device("cpu"), (CPU,))


def _default() -> str:
    both = torch.cuda.is_available() and CUDA in onnxruntime.get_available_providers()
    return "cuda" if both else "cpu"


def _check_distributions(names: Sequence[str] = ("onnxruntime", "onnxruntime-gpu")) -> None:
    """Raise ModelError if both builds are installed: they share a folder, and the GPU's breaks."""
    with suppress(PackageNotFoundError):
        for name in names:
            distribution(name)
        raise ModelError(
            "onnxruntime and onnxruntime-gpu are both installed and overwrite each other; "
            "run: pip uninstall -y onnxruntime onnxruntime-gpu && pip install onnxruntime-gpu"
        )
