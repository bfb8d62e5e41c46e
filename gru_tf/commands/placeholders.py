"""What stands for a value in the help of a command: `FILE`, `NAME`, `N`, in upper case and without brackets.

Typer writes {NAME} for a required argument, <str> beside its name and <bool> for an option without a value; [NAME] is one
that may be left out.
"""

from typing import Any

from typer.core import TyperArgument, TyperCommand, TyperOption


class PlainArgument(TyperArgument):
    """An argument by its placeholder alone, and its choices where there are some."""

    def _usage_display_name(self) -> str:
        return self.display_name_raw if self.required else f"[{self.display_name_raw}]"

    def display_type_rich(self, ctx: Any) -> str | None:
        """The choices, such as <cells|tasks>; no type."""
        return self.display_type(ctx) if self.type_descriptor.is_choice else None


class PlainOption(TyperOption):
    """An option with the placeholder of its value, or its choices."""

    def display_type_rich(self, ctx: Any) -> str | None:
        """Nothing for an option without a value."""
        return None if self.is_flag else super().display_type_rich(ctx)


PLAIN: dict[type, type] = {TyperArgument: PlainArgument, TyperOption: PlainOption}


class PlainCommand(TyperCommand):
    """A command whose arguments and options are written so."""

    def get_params(self, ctx: Any) -> list[Any]:
        """All of them, --help among them."""
        parameters = super().get_params(ctx)
        for parameter in parameters:
            parameter.__class__ = PLAIN.get(type(parameter), type(parameter))
        return parameters
