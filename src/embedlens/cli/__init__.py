"""The commands; each calls one function of a package below.

No logic here: what a command does can be done from Python too.
"""

from __future__ import annotations

import errno
import io
import sys


def main() -> None:
    """Run the command line; a user's mistake is one sentence and exit code 2."""
    import typer

    from embedlens.cli.app import app
    from embedlens.cli.interruption import Terminated, listen
    from embedlens.errors import EmbedlensError

    listen()
    _print_anything()
    try:
        code = app(standalone_mode=False)
    except EmbedlensError as error:
        print(f"embedlens: {error}", file=sys.stderr)
        code = 2
    except (KeyboardInterrupt, typer.Abort):
        code = 130
    except Terminated:
        code = 143
    except BrokenPipeError:
        sys.stderr.close()
        code = 1
    except OSError as error:
        print(f"embedlens: {_sentence(error)}", file=sys.stderr)
        code = 2
    except MemoryError:
        print(
            "embedlens: There is not enough memory. Use fewer pictures, a smaller --size, or "
            "--pooling avg.",
            file=sys.stderr,
        )
        code = 2
    except Exception as error:
        # Wrong options. Typer has had two base classes for them; both can show themselves.
        if not hasattr(error, "show"):
            raise
        error.show()
        code = 2
    if code in (130, 143):
        print("\nStopped. What was computed is kept: the same command goes on.", file=sys.stderr)
    sys.exit(code if isinstance(code, int) else 0)


def _print_anything() -> None:
    """Print what a terminal's encoding lacks as an escape: a name is no reason to stop."""
    for stream in (sys.stdout, sys.stderr):
        # A notebook or a test may have put something else there.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _sentence(error: OSError) -> str:
    """Say what the system refused, and what to do."""
    what = f"{error.filename}: " if error.filename else ""
    reason = error.strerror or " ".join(str(error).split()) or type(error).__name__
    if error.errno in (errno.ENOSPC, errno.EDQUOT) or "No space left" in reason:
        remedy = "Make room, or choose another folder with --out"
    elif error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        remedy = "Allow writing there, or choose another folder with --out"
    else:
        remedy = "See to it"
    return f"{what}{reason}. {remedy}, and run again: what is written is kept."
