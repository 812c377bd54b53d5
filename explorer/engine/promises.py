"""What torch calls say of dimensions that the ops they run do not. Adding a call: a row in `PROMISES`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from explorer.engine.coupler import Coupler
from explorer.engine.factors import Dims
from explorer.engine.program import EVEN_SPLITS, Call, Program, refs
from explorer.engine.provenance import Arithmetic, Literal, Size, TracedInt
from explorer.engine.rules.joining import promise_equal_counts

RESIZED = "the code puts a tensor of another shape in its place"


@dataclass(frozen=True)
class Context:
    """What a promise is made about.

    Attributes:
        program: The traced run.
        coupler: Hears what the call says.
        dims: The dims of a value.
        offset: The number of the program's first op.
    """

    program: Program
    coupler: Coupler
    dims: Callable[[int], Dims]
    offset: int

    def shape(self, value: int) -> tuple[int, ...]:
        """The sizes of a value."""
        return self.program.values[value].shape

    def unify(self, first: int, *others: int) -> None:
        """Say of values of one shape that their dimensions are one."""
        for other in others:
            for mine, its in zip(self.dims(first), self.dims(other), strict=True):
                self.coupler.unify(mine, its)

    def made_by(self, value: int) -> int:
        """The number of the op that made a value; -1 where none did."""
        return next((self.offset + op.index for op in self.program.ops if value in op.results), -1)


Promise = Callable[[Call, Context], None]


def _carried_state(call: Call, context: Context) -> None:
    """A recurrent layer carries its state on: what goes in is what comes out, even if one step alone was traced."""
    for before, after in _states(call, context):
        context.unify(before, after)


def _states(call: Call, context: Context) -> Iterator[tuple[int, int]]:
    """(state before, state after) of a recurrent call: hidden, and for an LSTM cell states too."""
    after = call.results[1:]
    shapes = [context.shape(value) for value in after]
    for argument in call.args[1:3]:  # the second argument, or with packed sequences the third
        before = [ref.value for ref in refs(argument)]
        if [context.shape(value) for value in before] == shapes:
            yield from zip(before, after, strict=True)


def _even_pieces(call: Call, context: Context) -> None:
    """`tensor_split` into a number of pieces runs as slices, which know nothing of each other."""
    if isinstance(pieces := call.argument(1, "sections"), int) and pieces:
        place = call.split_dim(len(context.shape(call.results[0])))
        sizes = [context.shape(value)[place] for value in call.results]
        promise_equal_counts([context.dims(value)[place] for value in call.results], sizes, context.coupler)


def _halves(call: Call, context: Context) -> None:
    """``x[:, : x.shape[1] // 2]`` cuts in the middle, so the halves keep equally many."""
    value = call.args[0].value
    index = call.args[1] if isinstance(call.args[1], tuple) else (call.args[1],)
    for place in _halved_axes(index, value, context.shape(value)):
        half = context.shape(value)[place] // 2
        dim = context.dims(value)[place]
        pieces = [context.coupler.take(dim, start, start + half) for start in (0, half)]
        promise_equal_counts(pieces, [half, half], context.coupler)


def _halved_axes(index: tuple[object, ...], value: int, shape: tuple[int, ...]) -> Iterator[int]:
    """Axes of even size, of more than two indices, that a plain index cuts at half of their own size."""
    if not all(item is Ellipsis or isinstance(item, (int, slice)) for item in index):
        return
    rank, before = len(shape), index.index(Ellipsis) if Ellipsis in index else len(index)
    for number, item in enumerate(index):
        place = number if number < before else rank - len(index) + number
        if isinstance(item, slice) and item.step is None and shape[place] % 2 == 0 and shape[place] > 2:
            bounds = (bound for bound in (item.start, item.stop) if isinstance(bound, TracedInt))
            if any(bound.origin == Arithmetic("//", Size(value, place), Literal(2)) for bound in bounds):
                yield place


def _same_shape(call: Call, context: Context) -> None:
    """`expand_as` and its like give one tensor the sizes of another; their ops know only the numbers."""
    context.unify(*call.results, *(call.values[1:2] if len(call.results) == 1 else ()))


def _same_data(call: Call, context: Context) -> None:
    """``a.data = b`` runs no op; whoever reads `a` afterwards reads `b`."""
    if call.sets_data:
        target, source = (ref.value for ref in refs(call.args))
        context.coupler.op = context.made_by(source)
        if context.shape(target) == context.shape(source):
            context.unify(target, source)
        elif context.program.values[target].is_state:
            context.coupler.freeze_all((*context.dims(target), *context.dims(source)), RESIZED)


def _out_of_pytorch(call: Call, context: Context) -> None:
    """Elements that left PyTorch may come back as constants of the size that they had."""
    place = f" in {call.module}" if call.module else ""
    reason = f"the code takes its elements out of PyTorch by {call.function}{place}"
    for ref in refs((call.args, call.kwargs)):
        context.coupler.op = context.made_by(ref.value)
        context.coupler.freeze_all(context.dims(ref.value), reason)


PROMISES: Mapping[str, Promise] = {
    **dict.fromkeys(("lstm", "gru", "rnn_tanh", "rnn_relu"), _carried_state),
    **dict.fromkeys(EVEN_SPLITS, _even_pieces),
    "__getitem__": _halves,
    **dict.fromkeys(("expand_as", "view_as", "reshape_as", "broadcast_tensors"), _same_shape),
    "__set__": _same_data,
    **dict.fromkeys(("numpy", "__array__", "tolist"), _out_of_pytorch),
}
