"""The commands; each calls one function of a package below.

No logic here: what a command does can be done from Python too.
"""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line; a user's mistake is one sentence and exit code 2."""
    import typer

    from embedlens.cli.app import app
    from embedlens.errors import EmbedlensError

    try:
        code = app(standalone_mode=False)
    except EmbedlensError as error:
        print(f"embedlens: {error}", file=sys.stderr)
        code = 2
    except (KeyboardInterrupt, typer.Abort):
        code = 130
    except BrokenPipeError:
        sys.stderr.close()
        code = 1
    except Exception as error:
        # Wrong options. Typer has had two base classes for them; both can show themselves.
        if not hasattr(error, "show"):
            raise
        error.show()
        code = 2
    if code == 130:
        print("\nStopped. What was computed is kept: the same command goes on.", file=sys.stderr)
    sys.exit(code if isinstance(code, int) else 0)
