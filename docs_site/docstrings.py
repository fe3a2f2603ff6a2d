"""Reads our docstrings for the API reference: Sphinx's roles become links, names of types what they stand for."""

from __future__ import annotations

import re
from pathlib import Path

from griffe import AliasResolutionError, Attribute, Expr, Extension, Function, Module, NameResolutionError, Object

_ROLE = re.compile(r":(?:class|exc|func|meth|attr):`([\w.]+)`")
_DOCUMENTED = re.compile(r"^::: ([\w.]+)$", re.MULTILINE)
#: A class returns nothing; what its tasks return is told above its parameters.
_RETURNED = re.compile(r"(^:param .*)^:returns: (.*?)(?=^:|\Z)", re.MULTILINE | re.DOTALL)
_NAME = re.compile(r"[A-Za-z_]\w*")
_INSIDES = re.compile(r" \| Un(?:set|read)\b|\bUn(?:set|read) \| ")  # what tells None from left out, and not yet known


class AsReadByAuthors(Extension):  # type: ignore[misc]  # griffe is not where the checks run
    """An extension of griffe, which reads the sources for mkdocstrings."""

    def __init__(self) -> None:
        """Look up what the pages of the reference show."""
        super().__init__()
        pages = [path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("api/*.md")]
        shown = [path for page in pages for path in _DOCUMENTED.findall(page)]
        self.documented = {path.rpartition(".")[2]: path for path in shown}

    def on_object(self, *, obj: Object, **_: object) -> None:
        """Turn Sphinx's roles in a docstring, such as ``:class:`Pace```, into links; tell apart what tasks return."""
        if obj.docstring is not None:
            text = _ROLE.sub(lambda found: self._link(obj, found[1]), obj.docstring.value)
            obj.docstring.value = _RETURNED.sub(r"A task returns: \2\n\n\1", text) if obj.is_class else text

    def on_package(self, *, pkg: Module, **_: object) -> None:
        """Write types out that have a name of their own inside of the package."""
        self._write_out(pkg)

    def _write_out(self, obj: Object) -> None:
        for member in obj.members.values():
            if member.is_alias:
                continue
            if member.is_attribute:
                self._write_out_field(member)
            if member.is_function:
                self._write_out_parameters(member)
            self._write_out(member)

    def _write_out_field(self, field: Attribute) -> None:
        if isinstance(field.annotation, Expr):
            field.annotation = self._written_out(field.annotation, field)
        if isinstance(field.value, Expr):
            field.value = self._value(field.value, field)

    def _write_out_parameters(self, function: Function) -> None:
        for parameter in function.parameters:
            if isinstance(parameter.annotation, Expr):
                parameter.annotation = self._written_out(parameter.annotation, function)
            if isinstance(parameter.default, Expr):
                parameter.default = self._value(parameter.default, function)

    def _value(self, default: Expr, scope: Object) -> Expr | str:
        """Return what a reader has to leave out, a constant of ours by its value."""
        name = str(default)
        if name.startswith("Unset."):
            return "None"
        try:
            constant = scope.parent.members.get(name) or self._named(name, scope)
        except (AliasResolutionError, NameResolutionError, KeyError):
            return default
        return constant.value if constant.is_attribute else default

    def _written_out(self, annotation: Expr, scope: Object) -> Expr | str:
        text = str(annotation)
        plain = _NAME.sub(lambda found: self._meant(found[0], scope), _INSIDES.sub("", text))
        return annotation if plain == text else plain

    def _meant(self, name: str, scope: Object) -> str:
        """Return what a name stands for, if it is one of ours for a longer type."""
        try:
            named = self._named(name, scope)
        except (AliasResolutionError, NameResolutionError, KeyError):
            return name
        if name == "Json" or not named.is_attribute or str(named.annotation) != "TypeAlias":
            return name
        return " ".join(str(self._written_out(named.value, named.parent)).strip("()\"'").split())

    def _named(self, name: str, scope: Object) -> Object:
        return scope.package[scope.resolve(name).removeprefix(f"{scope.package.path}.")]

    def _link(self, obj: Object, name: str) -> str:
        if name in self.documented:
            return f"[`{name}`][{self.documented[name]}]"
        try:
            return f"[`{name}`][{obj.resolve(name)}]"
        except (AliasResolutionError, NameResolutionError):
            return f"[`{name}`][]"  # leads nowhere, which the build tells
