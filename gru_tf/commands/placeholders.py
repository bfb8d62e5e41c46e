"""What stands for a value in the help of a command: `FILE`, `NAME`, `N`, in upper case and without brackets.

Typer writes {NAME} for a required argument, <str> beside its name and <bool> for an option without a value; [NAME] is one
that may be left out.
"""

from typing import Any

from typer.core import TyperArgument, TyperCommand, TyperGroup, TyperOption


class PlainArgument(TyperArgument):
    """An argument by its placeholder alone, and its choices where there are some."""

    def _usage_display_name(self) -> str:
        return self.display_name_raw if self.required else f"[{self.display_name_raw}]"

    def display_type_rich(self, ctx: Any) -> str | None:
        """Nothing: the help of one that has choices lists them, in lines that break between words."""
        return None


class PlainOption(TyperOption):
    """An option with the placeholder of its value, or its choices."""

    def display_type_rich(self, ctx: Any) -> str | None:
        """Nothing for an option without a value."""
        return None if self.is_flag else super().display_type_rich(ctx)


TYPERS = {  # Typer's texts → in our voice: a few words, in lower case and without a full stop
    "Show this message and exit.": "show this message",
    "Install completion for the current shell.": "install completion for the current shell",
    "Show completion for the current shell, to copy it or customize the installation.": "print that completion",
}
PLAIN: dict[type, type] = {TyperArgument: PlainArgument, TyperOption: PlainOption}


class PlainCommand(TyperCommand):
    """A command whose arguments and options are written so."""

    def get_params(self, ctx: Any) -> list[Any]:
        """All of them, --help among them."""
        return list(map(_plain, super().get_params(ctx)))


class PlainGroup(TyperGroup):
    """All commands together, whose own options are written so."""

    def get_params(self, ctx: Any) -> list[Any]:
        """All of them, --help among them."""
        return list(map(_plain, super().get_params(ctx)))


def _plain(parameter: Any) -> Any:
    parameter.__class__ = PLAIN.get(type(parameter), type(parameter))
    parameter.help = TYPERS.get(parameter.help, parameter.help)
    return parameter
