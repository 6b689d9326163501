"""The command line as a user runs it, and a network that needs no training."""

from support.commands import interruptible, tiny_onnx, venule

__all__ = ["interruptible", "tiny_onnx", "venule"]
