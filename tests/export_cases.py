"""Exports of networks that do once what torch.onnx.export does each time."""

from contextlib import ExitStack, contextmanager
from functools import cache

import pytest
from torch._subclasses.fake_impls import op_implementations_dict
from torch.export import decomp_utils, exported_program
from torch.onnx._internal.exporter._registration import ONNXRegistry


@contextmanager
def fast_exports():
    """Let torch.onnx.export take less than half of its time.

    It parses five hundred functions of onnxscript anew, which is half of it. Of what is left, a
    quarter goes into a list of the operators of torch, three times, a sixth into giving hundreds of
    operators kernels that keep them whole, twice, and a tenth into notes of where each node was
    traced, which graphs do not hold.
    """
    operators = cache(exported_program._collect_all_valid_cia_ops)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            ONNXRegistry, "from_torchlib", staticmethod(cache(ONNXRegistry.from_torchlib))
        )
        for module in (decomp_utils, exported_program):
            patch.setattr(module, "_collect_all_valid_cia_ops", operators)
        overridden = _remembered(exported_program._override_composite_implicit_decomp)
        patch.setattr(exported_program, "_override_composite_implicit_decomp", overridden)
        patch.setattr("torch.fx.config.do_not_emit_stack_traces", True)
        yield


def _remembered(override):
    """Return a context that gives operators the kernels that `override` gave them before."""
    known = {}

    @contextmanager
    def remembered(replacements):
        # Torch makes some functions anew for each export; they are the same ones by name.
        functions = ((op, getattr(one, "func", one)) for op, one in replacements.items())
        key = frozenset((op, one.__module__, one.__qualname__) for op, one in functions)
        with ExitStack() as stack:
            if key not in known:
                stack.enter_context(override(replacements))
                known[key] = [
                    (op, {**op.py_kernels}, op_implementations_dict.get(op)) for op in replacements
                ]
            else:
                stack.enter_context(_with_kernels(known[key]))
            yield

    return remembered


@contextmanager
def _with_kernels(kernels):
    before = [(op, {**op.py_kernels}, op_implementations_dict.get(op)) for op, _, _ in kernels]
    _set_kernels(kernels)
    try:
        yield
    finally:
        _set_kernels(before)


def _set_kernels(kernels):
    for op, of_keys, fake in kernels:
        op.py_kernels.clear()
        op.py_kernels.update(of_keys)
        op._dispatch_cache.clear()
        if fake is None:
            op_implementations_dict.pop(op, None)
        else:
            op_implementations_dict[op] = fake
