"""What a format is: what it is good for, how it is written, and the lines that load it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from torch import nn

from explorer.exports.subject import Subject

if TYPE_CHECKING:
    from explorer.engine.plan import Plan
    from explorer.engine.ways import Way


@dataclass(frozen=True)
class Overhead:
    """Bytes that a format takes besides the weights: names, shapes, operations, what was kept.

    Fitted to what nine models of 12 to 727 tensors took, convolutional, attention, recurrent and graph ones.

    Attributes:
        fixed: Of any model.
        tensor: Of each parameter and buffer.
        call: Of each torch call of the forward.
        index: Of each index that a recipe keeps.
    """

    fixed: int
    tensor: int
    call: int = 0
    index: int = 0


@dataclass(frozen=True)
class Format:
    """One way to take a pruned model away.

    Attributes:
        name: What it is asked for by, and the name of its folder.
        title: What it is called on screen.
        good_for: What somebody would choose it for, in one sentence.
        write: Writes the files of a subject into an empty folder.
        loading: The lines that load the model where that folder is the current one.
        call: The line that gives `outputs` for `inputs` in the form of the traced ones, after `loading`.
        overhead: What it takes besides the weights, about.
        refusal: Why it cannot hold what a plan makes in some way, as far as that is known before anything is made;
            empty where nothing is.
        takes: ``structured``: inputs in the form of the traced ones; ``flat``: their tensors, one after the other.
        is_captured: Whether it holds what `torch.export` captured, in eval mode, instead of the model's own code.
        requires: Modules beyond those of the explorer that writing and checking need.
        needs_explorer: Whether the explorer has to be installed where it is loaded.
        reload: Loads what was written in this process, for a subject that nothing can load without what is in memory
            here; None for a subject that a fresh process can load.
    """

    name: str
    title: str
    good_for: str
    write: Callable[[Subject, Path], None]
    loading: Callable[[Subject], str]
    call: Callable[[Subject], str]
    overhead: Overhead
    refusal: Callable[[Plan, Way], str] = lambda plan, way: ""
    takes: str = "structured"
    is_captured: bool = False
    requires: tuple[str, ...] = ()
    needs_explorer: bool = False
    reload: Callable[[Subject, Path], nn.Module | None] = lambda subject, folder: None

    @property
    def lacks(self) -> str:
        """What is missing to write it, and how to install that; empty where nothing is."""
        missing = [package for package in self.requires if find_spec(package) is None]
        return (
            f"Missing here: {', '.join(missing)}. Install: python -m pip install {' '.join(missing)}" if missing else ""
        )

    def estimate(self, plan: Plan) -> int:
        """About how many bytes the files of a plan take, without making any; what they take is known once made."""
        over, graph = self.overhead, plan.graph
        size = plan.cost.after.bytes + over.fixed + over.tensor * len(graph.state_shapes)
        size += over.call * len(graph.coupling.programs[0].calls)
        return size + over.index * sum(map(len, plan.kept.values()))

    def snippet(self, subject: Subject) -> str:
        """Lines that load and run the model where the format's folder is the current one; ready to paste."""
        return "\n".join([self.loading(subject), self._inputs(subject), self.call(subject)])

    def _inputs(self, subject: Subject) -> str:
        return f"inputs = {subject.inputs_text(is_flat=self.takes == 'flat')}  # as traced; put in your own"
