"""The built-in example province: a believable, invented Hubei on its real counties."""

from sinks.demo.inputs import write_inputs

__all__ = ["write_inputs"]
