"""Mistakes of the caller and of the machine, as one sentence; all else is a fault of ours."""

import sys

EXPECTED = (ValueError, OSError, FloatingPointError, ImportError, MemoryError)


def is_expected(error: BaseException) -> bool:
    """Whether the error is one that a sentence explains."""
    # PyTorch's MemoryError has no class of its own.
    return isinstance(error, EXPECTED) or (
        isinstance(error, RuntimeError) and "allocate memory" in str(error)
    )


def sentence(error: BaseException) -> str:
    """The message of an error on one line; the operating system's errors get the file's name."""
    if isinstance(error, OSError) and error.strerror:
        name = str(error.filename).removesuffix(".part")
        return f"`{name}` could not be used: {error.strerror}."
    if isinstance(error, MemoryError | RuntimeError) and is_expected(error):
        return (
            "The model and a batch must fit in this machine's memory, got a request that does not; "
            "lower --latent-dim, --num-anchors, --batch-size or --count."
        )
    return " ".join(str(error).split())


def say_warning(message: Warning | str, *_: object) -> None:
    """A warning as a sentence, without the place in the code."""
    print(f"nebulatent: warning: {' '.join(str(message).split())}", file=sys.stderr)
