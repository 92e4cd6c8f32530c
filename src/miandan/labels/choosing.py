"""Which template a label is drawn with, compiled once for all labels that share it."""

from collections.abc import Callable

from miandan.labels.checking import checked
from miandan.labels.compiled import CompiledTemplate
from miandan.labels.model import LabelData, Purpose
from miandan.labels.standards import standard_for
from miandan.labels.template import Template

Choice = Template | Callable[[LabelData], Template] | None
"""One template for all labels, a choice for each, or None: each carrier's standard one."""


class Compiler:
    """Chooses and compiles the template of each label, each template once."""

    def __init__(self, choice: Choice, purpose: Purpose) -> None:
        self._choice = choice
        self._purpose = purpose
        self._fixed = checked(choice, purpose) if isinstance(choice, Template) else None
        self._compiled: dict[int, tuple[Template, CompiledTemplate]] = {}

    def of(self, label: LabelData) -> CompiledTemplate:
        """The compiled template for a label. Raises Refusal labels.template_wrong."""
        if self._fixed is not None:
            return self._fixed
        template = self._chosen(label)
        known = self._compiled.get(id(template))
        if known is None:
            known = self._compiled[id(template)] = template, checked(template, self._purpose)
        return known[1]

    def _chosen(self, label: LabelData) -> Template:
        return self._choice(label) if callable(self._choice) else standard_for(label.carrier)
