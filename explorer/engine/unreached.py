"""Modules that no example input reached: they stay as they are, and the groups that they would read say so.

What an expert reads that no token was sent to is not in any trace. It is read off its siblings: a module of the same
class with parameters of the same shapes in the same container, which was reached.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace

from torch import nn

from explorer.engine.groups import Group
from explorer.engine.naming import owner

Part = nn.Module | nn.Parameter


@dataclass(frozen=True)
class Unreached:
    """A module, or a parameter of a list of parameters, of which no example input reached anything.

    Attributes:
        path: Where it is.
        parameters: Its parameters; none of them is ever pruned.
        twin: A sibling that is built alike and was reached; empty where there is none.
        groups: Names of the groups that its twins share with the rest of the model. It would no longer fit after these
            were pruned.
    """

    path: str
    parameters: tuple[str, ...]
    twin: str
    groups: tuple[str, ...]

    def __str__(self) -> str:
        if not self.twin:
            return (
                f"{self.path} was not reached by the example inputs and stays as it is. Nothing beside it that is "
                "built alike was reached, so what it reads is not known. Pass an example input that reaches it."
            )
        return (
            f"{self.path} was not reached by the example inputs and stays as it is. It is built like {self.twin}, "
            "which reads or makes these channels, so it would no longer fit. Pass an example input that reaches it, or "
            "leave these channels alone."
        )


def find_unreached(model: nn.Module, reached: Collection[str], groups: Sequence[Group]) -> tuple[Unreached, ...]:
    """Everything that no example input reached, each as a whole.

    Args:
        model: The traced model.
        reached: Names of the parameters that some traced forward read.
        groups: The groups of the model.
    """
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    if len(names.keys()) == sum(name in reached for name in names.values()):
        return ()
    return tuple(_found(model, path, part, names, groups, reached) for path, part in _tops(model, names, reached))


def with_warnings(groups: Sequence[Group], unreached: Sequence[Unreached]) -> tuple[Group, ...]:
    """The groups, of which those that an unreached module would read say so."""
    said: dict[str, tuple[str, ...]] = {}
    for part in unreached:
        for name in part.groups:
            said[name] = (*said.get(name, ()), str(part))
    return tuple(replace(group, warnings=said.get(group.name, ())) for group in groups)


def _found(
    model: nn.Module, path: str, part: Part, names: dict[int, str], groups: Sequence[Group], reached: Collection[str]
) -> Unreached:
    twins = [twin for twin in _twins(model, path, part) if all(name in reached for name in _names(twin[1], names))]
    shared = {name: None for _, twin in twins for name in _shared(groups, set(_names(twin, names)))}
    return Unreached(path, tuple(_names(part, names)), twins[0][0] if twins else "", tuple(shared))


def _tops(model: nn.Module, names: dict[int, str], reached: Collection[str]) -> Iterator[tuple[str, Part]]:
    """The largest modules of which nothing was reached, and single parameters of modules that were."""
    done: set[str] = set()
    for path, module in model.named_modules():
        own = _names(module, names)
        if own and not done & set(own) and not any(name in reached for name in own):
            done.update(own)
            yield path, module
    for name, parameter in model.named_parameters():
        if name not in reached and name not in done:
            yield name, parameter


def _twins(model: nn.Module, path: str, part: Part) -> list[tuple[str, Part]]:
    """What lies beside a part and is built alike: modules, or the entries of a list of parameters."""
    parent = model.get_submodule(owner(path))
    if isinstance(part, nn.Module):
        beside: Iterator[tuple[str, Part]] = parent.named_children()
    elif isinstance(parent, (nn.ParameterList, nn.ParameterDict)):
        beside = parent.named_parameters(recurse=False)
    else:
        return []
    prefix = path.removesuffix(path.rpartition(".")[2])
    return [(prefix + name, other) for name, other in beside if other is not part and _make(other) == _make(part)]


def _make(part: Part) -> tuple[type, tuple[tuple[str, tuple[int, ...]], ...]]:
    """Class, and names and shapes of the parameters."""
    held = part.named_parameters() if isinstance(part, nn.Module) else [("", part)]
    return type(part), tuple((name, tuple(parameter.shape)) for name, parameter in held)


def _names(part: Part, names: dict[int, str]) -> list[str]:
    held = part.parameters() if isinstance(part, nn.Module) else (part,)
    return [names[id(parameter)] for parameter in held]


def _shared(groups: Sequence[Group], own: set[str]) -> Iterator[str]:
    """The groups that touch some of these parameters, and others too."""
    for group in groups:
        touched = {member.parameter for member in group.members}
        if touched & own and touched - own:
            yield group.name
