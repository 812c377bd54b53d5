"""How generated code builds the original architecture: through torchvision, or from a copy of its own file."""

from __future__ import annotations

import ast
import inspect
import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from torch import nn

from explorer.engine.errors import ExportError
from explorer.engine.graph import DependencyGraph
from explorer.engine.randomness import own_random_state
from explorer.engine.recipe import architecture_of
from explorer.models.from_torchvision import builder_options
from explorer.models.source import FileSource, SampleSource, TorchvisionSource, parse_source
from sample_models import SAMPLES

FOLDER = "original"
"""Where copied files go: a folder of their own, since one of them may be called ``model.py`` too."""


@dataclass(frozen=True)
class Architecture:
    """Parts of the generated file, and the files that go with it.

    Attributes:
        imports: Import statements.
        build: Statements that set ``model`` to a new model of the original architecture.
        needs: What has to be installed, in words.
        helpers: Functions that ``build`` calls; empty or ending in a blank line.
        files: Content of further files by path.
    """

    imports: str
    build: str
    needs: str
    helpers: str = ""
    files: Mapping[str, bytes] = field(default_factory=dict)


def architecture(graph: DependencyGraph) -> Architecture:
    """How the model of a graph is built anew.

    Raises:
        ExportError: Its class cannot be built without knowing what it was built with, is defined in no file, or in one
            that cannot be read or needs the explorer.
    """
    try:
        return _of_source(graph.source) if graph.source else _of_class(graph.model)
    except OSError as error:
        raise ExportError(
            f"The code of the original cannot be copied: {error}. Put the file back, or choose folder, pt2, onnx or "
            "program."
        ) from error


def _of_source(source: str) -> Architecture:
    match parse_source(source):
        case TorchvisionSource() as named:
            return _of_torchvision(named)
        case SampleSource() as named:
            module = sys.modules[SAMPLES[named.name].build.__module__]
            return _of_file(Path(str(module.__file__)), module.__name__, "build")
        case FileSource() as named:
            return _of_file(named.path.resolve(), named.path.stem, named.factory)


def _of_torchvision(source: TorchvisionSource) -> Architecture:
    options = "".join(f", {name}={value!r}" for name, value in builder_options(source.name).items())
    return Architecture(
        imports="from pathlib import Path\n\nimport torchvision",
        build=f'model = torchvision.models.get_model("{source.name}", weights=None{options})',
        needs="PyTorch, torchvision and safetensors",
    )


def _of_class(model: nn.Module) -> Architecture:
    """A class that is built without arguments, as its own file says."""
    kind = type(model)
    file = inspect.getsourcefile(kind) if kind.__module__ != "__main__" else None
    if file is None or "<locals>" in kind.__qualname__:
        raise ExportError(
            f"{kind.__qualname__} is not defined at the top level of a Python file, so its code cannot be copied. Put "
            "the class into a file, or choose folder, pt2, onnx or program."
        )
    try:
        with own_random_state(seed=0):
            is_same = architecture_of(kind()) == architecture_of(model)
    except Exception:  # noqa: BLE001  # whatever the class says to no arguments
        is_same = False
    if not is_same:
        raise ExportError(
            f"{kind.__qualname__}() without arguments gives no model of this architecture, and nobody knows what this "
            "one was built with. Open it as file.py:factory with a function that builds it, or choose folder, pt2, "
            "onnx or program."
        )
    return _of_file(Path(file).resolve(), kind.__module__, kind.__qualname__)


def _of_file(file: Path, module: str, factory: str) -> Architecture:
    """What a function or class of a file makes; the file and its own imports are copied."""
    root = file.parents[module.count(".")]
    files = dict(_copied(file, root))
    if any(_is_ours(name) for name in _imported(_parsed(files[_below(root, file)]).body, file, root)):
        raise ExportError(
            f"{file.name} imports the explorer, and this format has to load without it. Put what builds the model into "
            "a file that does not, or choose folder, pt2, onnx or program."
        )
    return Architecture(
        imports="import importlib.util\nimport sys\nfrom pathlib import Path\n",
        build=f"made = original_code().{factory}()\nmodel = made[0] if isinstance(made, tuple) else made",
        needs="PyTorch, safetensors and what the files in the folder 'original' import",
        helpers=_HELPERS.format(folder=FOLDER, file=quoted(_below(root, file))),
        files={f"{FOLDER}/{path}": content for path, content in files.items()},
    )


_HELPERS = '''
def original_code():
    """The module that defines the original architecture."""
    folder = HERE / "{folder}"
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
    spec = importlib.util.spec_from_file_location("original_code", folder / {file})
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module

'''


def quoted(text: str) -> str:
    """Text as a literal of Python in double quotes, whatever is in it."""
    return json.dumps(text, ensure_ascii=False)


def in_docstring(text: str) -> str:
    """Text as it can stand in a docstring of generated code, on one line, and cannot end it."""
    return quoted(" ".join(text.split()))[1:-1]


def _below(root: Path, file: Path) -> str:
    return file.relative_to(root).as_posix()


def _copied(file: Path, root: Path) -> Iterator[tuple[str, bytes]]:
    """Path below the root, and content, of a file and of all that it imports from there."""
    waiting, seen = [file], {file}
    while waiting:
        path = waiting.pop()
        content = path.read_bytes()
        yield _below(root, path), content
        names = _imported(ast.walk(_parsed(content)), path, root)
        found = {place for name in names for place in _places(name, root, file.parent)}
        waiting += sorted(found - seen)
        seen |= found


def _parsed(content: bytes) -> ast.Module:
    """A file of Python in whatever encoding it says it has; an empty one for what no Python runs, and so imports."""
    try:
        return ast.parse(content)
    except (SyntaxError, ValueError):
        return ast.Module([], [])


def _imported(nodes: Iterable[ast.AST], file: Path, root: Path) -> Iterator[str]:
    """Dotted names of everything that nodes of a file import, which may be modules or what they hold."""
    package = file.relative_to(root).parts[:-1]
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else ()
            start = ".".join([*above, *filter(None, [node.module])])
            yield start
            yield from (f"{start}.{alias.name}" for alias in node.names)


def _places(name: str, root: Path, own: Path) -> Iterator[Path]:
    """The files below the root that importing a dotted name runs; not the package of the first file, which is alone.

    The explorer is not copied: an export that needs it is none.
    """
    if _is_ours(name):
        return
    parts = name.split(".")
    for count in range(1, len(parts) + 1):
        place = root.joinpath(*parts[:count])
        package = place / "__init__.py"
        if package.is_file() and place != own:
            yield package
        if place.with_suffix(".py").is_file():
            yield place.with_suffix(".py")


def _is_ours(name: str) -> bool:
    """Whether a dotted name belongs to the explorer."""
    return name.partition(".")[0] == __name__.partition(".")[0]
