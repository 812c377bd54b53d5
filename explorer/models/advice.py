"""What to try where a model could not be opened or traced, by what went wrong."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from difflib import get_close_matches

from explorer.engine.errors import TraceError

MOST_NEAR = 3

_DTYPE = (
    "Give inputs in the type that the first layer takes: float32 for a float model (x.float()), whole numbers for an "
    "embedding (torch.randint(0, vocabulary, (1, 16)))."
)
_SIZE = (
    "Give the example input the size that the model was built for, batch first: --input 1,3,224,224 on the command "
    "line, or explorer.trace(model, torch.randn(1, 3, 224, 224))."
)
_ARGUMENTS = (
    "Give every input that forward takes: several in a tuple, explorer.trace(model, (a, b)), by keyword in a dict, or "
    "a function that runs the model, lambda model: model.encode(x)."
)
_RULES: tuple[tuple[str, str], ...] = (
    (
        r"expected input\[.*?\] to have (\d+) channels, but got (\d+)",
        r"The first layer takes \1 channels and the example input has \2. Give \1 in its second place: "
        r"--input 1,\1,224,224, or torch.randn(1, \1, 224, 224).",
    ),
    (
        r"mat1 and mat2 shapes cannot be multiplied \(\d+x(\d+) and (\d+)x\d+\)",
        r"A linear layer takes \2 features and got \1: where a flatten comes before it, height and width of the "
        r"example input decide. Give the size that the model was built for.",
    ),
    (
        r"shape '.*?' is invalid for input|size of tensor a|Sizes of tensors must match|normalized_shape|"
        r"Expected \d\S* .*?input|must be \d+D|input image size|Output size is too small|input size per channel|"
        r"[Kk]ernel size can't be greater|not enough values to unpack|too many values to unpack|"
        r"Dimension out of range",
        _SIZE,
    ),
    (
        r"expected scalar type|Input type .*? and (?:bias|weight) type|should be the same|same dtype|"
        r"to have (?:the same dtype|one of the following scalar types)|"
        r"not implemented for '(?:Long|Int|Half|BFloat16)'",
        _DTYPE,
    ),
    (
        r"index out of range in self",
        "An embedding was asked for an entry that it does not have. Give token ids below its vocabulary: "
        "torch.randint(0, embedding.num_embeddings, (1, 16)).",
    ),
    (
        r"missing \d+ required (?:positional|keyword-only) argument|got an unexpected keyword|"
        r"positional arguments? but \d+ ",
        _ARGUMENTS,
    ),
    (
        r"same device|Expected all tensors to be on|Cannot copy out of meta tensor|is on meta device",
        "Put the model and its example inputs on one device, such as model.cpu() and x.cpu(). A model that is built on "
        "meta has no numbers: build it on the CPU where its code asks for some.",
    ),
    (
        r"out of memory|can't allocate memory|not enough memory|MemoryError",
        "Give a smaller example input, such as --input 1,3,64,64 or a shorter sequence: the couplings are the same "
        "wherever the model accepts it. Models that are no longer needed keep memory until the explorer is restarted.",
    ),
    (
        r"ambiguous|GuardOnDataDependent|data-dependent|NotImplementedError: .*?meta|Could not run 'aten::",
        "The forward decides by the numbers that it is given. Give real data as the example input, such as one batch "
        "of a loader, so that it takes the path that it takes in use.",
    ),
    (
        r"holds no tensor",
        "Wrap the model in a module whose forward returns the tensors alone, such as output.logits. A detector that "
        "finds nothing in noise needs a real picture as its example input.",
    ),
    (
        r"No module named '([\w.]+)'",
        r"Install what the file imports into the environment of the explorer: python -m pip install \1",
    ),
    (r"There is no file|No such file", "Check the spelling; a path counts from the folder in which the explorer runs."),
    (
        r"downloading .*? failed",
        "Connect to the network and try again, or open the model without the part after @: its weights are random "
        "then, and what hangs together is the same.",
    ),
    (
        r"unexpected \(\d+\): module\.",
        "The weights were saved from a DataParallel wrapper: save model.module.state_dict() instead.",
    ),
)
"""What is found in an error and its causes, and what to try then, filled in with what was found."""

_ALONE = (
    "Run the model on the same example inputs without the explorer, model.eval()(*example_inputs): what fails there "
    "has to be mended first."
)


def advice(error: BaseException) -> tuple[str, ...]:
    """What to try after an error, in sentences; empty where its message says all that there is to say.

    Args:
        error: What was raised when a model was opened or traced; its causes are looked at too.

    Example:
        >>> advice(ModelSourceError("Running 'net.py' raised ModuleNotFoundError: No module named 'timm'"))
        ('Install what the file imports into the environment of the explorer: python -m pip install timm',)
    """
    text = "\n".join(f"{type(each).__name__}: {each}" for each in _with_causes(error))
    matches = ((re.search(pattern, text), hint) for pattern, hint in _RULES)
    hints = dict.fromkeys(match.expand(hint) for match, hint in matches if match)
    if isinstance(error, TraceError) and "raised in forward" in text:
        hints[_ALONE] = None
    return tuple(hints)


def near_names(name: str, known: Iterable[str]) -> tuple[str, ...]:
    """The known names nearest to one that is none of them, nearest first."""
    return tuple(get_close_matches(name, list(known), n=MOST_NEAR, cutoff=0.6))


def _with_causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__
