"""A command that refuses an option that is given twice, where one of the two would be dropped."""

from __future__ import annotations

from collections import Counter
from typing import Any

from typer.core import TyperCommand, TyperOption


class OnceCommand(TyperCommand):
    """A command each of whose options is given once, but for those that take several."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the arguments.

        Raises
        ------
        UsageError
            An option that takes one value is given several times.
        """
        if not ctx.resilient_parsing:
            _, _, order = self.make_parser(ctx).parse_args(args=list(args))
            for param, times in Counter(order).items():
                single = isinstance(param, TyperOption) and not (param.multiple or param.is_flag)
                if single and times > 1:
                    ctx.fail(f"{param.opts[0]} is given {times} times, and takes one value.")
        return super().parse_args(ctx, args)
