"""Gathers the pages of the site in a folder: the README, docs/, the example Dags with their pictures, and the API's.

Pages are written for GitHub. Here their links are turned to where the same things are on the site; what is not on it,
such as a test, is looked up at GitHub.
"""

from __future__ import annotations

import ast
import posixpath
import re
import shutil
import sys
import tomllib
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent
SOURCE = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["urls"]["Source"]

#: Pages that stand beside the README.
BESIDE = ("CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")

_FENCE = re.compile(r"(^ *```.*?^ *```$)", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"(?<=\]\()[^)\s]+(?=\))|(?<=\]: )\S+$", re.MULTILINE)
_NAMED_BY_FILE = re.compile(r"(?<=\[)(?:docs/)?(\w+\.md)(?=\][(\[])")
_VERSION = re.compile(r"^## \[(.+?)\]", re.MULTILINE)  # in brackets, as Keep a Changelog wants it
_OWN = re.compile(re.escape(SOURCE) + r"/(?:blob|raw|tree)/main/(.+)")


def place(path: str) -> str:
    """Return where on the site a file of the repository is, or its address at GitHub.

    :param path: from the root of the repository.
    """
    match path.split("/"):
        case ["README.md"]:
            return "index.md"
        case ["docs", *rest] if rest:
            return "/".join(rest)
        case ["dags"]:
            return "pipelines.md"
        case ["dags", name] if name.endswith(".py"):
            return f"dags/{name.removesuffix('.py')}.md"
        case [name] if name in BESIDE:
            return name
        case _:
            return f"{SOURCE}/blob/main/{path}"


def title(path: Path) -> str:
    """Return the title of a page, without what explains it."""
    return path.read_text(encoding="utf-8").partition("\n")[0].removeprefix("# ").partition(":")[0]


def linked(text: str, folder: str) -> str:
    """Return a page with its links as they are on the site, named by titles instead of files; code stays as it is.

    :param folder: where the page is in the repository, from its root.
    """

    def turned(found: re.Match[str]) -> str:
        target, hash_sign, anchor = found[0].partition("#")
        own = _OWN.fullmatch(target)
        if not target or ("://" in target and own is None):
            return found[0]
        path = own[1] if own else posixpath.normpath(posixpath.join(folder, target))
        return place(path.rstrip("/")) + hash_sign + anchor

    def named(found: re.Match[str]) -> str:
        page = ROOT / "docs" / found[1]
        return title(page) if page.exists() else found[0]

    def prose(part: str) -> str:
        return _LINK.sub(turned, _NAMED_BY_FILE.sub(named, _VERSION.sub(r"## \1", part)))

    return "".join(part if index % 2 else prose(part) for index, part in enumerate(_FENCE.split(text)))


def dag_page(path: Path) -> str:
    """Return the page of an example Dag: what it says of itself, its graph, its code."""
    text = path.read_text(encoding="utf-8")
    module = ast.parse(text)
    told = ast.get_docstring(module)
    head = module.body[0]
    if told is None or head.end_lineno is None:
        raise ValueError(f"{path.name} does not say what it is for")
    code = "\n".join(text.splitlines()[head.end_lineno :]).strip()
    name = path.stem
    return (
        f"# `{name}`\n\n{told}\n\n"
        f"![The graph of {name} in Airflow](../images/dags/{name}.png){{ .graph }}\n\n"
        f"## `dags/{path.name}`\n\n```python\n{code}\n```\n"
    )


def gather(folder: Path) -> None:
    """Write the pages, and the settings of the site beside them; what was there before goes.

    :param folder: gets ``mkdocs.yml`` and ``pages/``.
    """
    pages = folder / "pages"
    shutil.rmtree(pages, ignore_errors=True)
    shutil.copytree(ROOT / "docs" / "images", pages / "images")
    shutil.copytree(HERE / "api", pages / "api")
    shutil.copy(HERE / "site.css", pages)
    shutil.copy(HERE / "mkdocs.yml", folder)
    (pages / "dags").mkdir()
    for path in (ROOT / "README.md", *(ROOT / name for name in BESIDE), *(ROOT / "docs").glob("*.md")):
        source = path.relative_to(ROOT).as_posix()
        text = linked(path.read_text(encoding="utf-8"), posixpath.dirname(source))
        (pages / place(source)).write_text(text, encoding="utf-8")
    for path in (ROOT / "dags").glob("*.py"):
        (pages / place(f"dags/{path.name}")).write_text(dag_page(path), encoding="utf-8")


if __name__ == "__main__":
    gather(Path(sys.argv[1]))
