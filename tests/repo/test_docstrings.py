"""Public functions document their arguments; values document every field."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = sorted(
    path for root in ("inference", "training", "export") for path in (ROOT / root).rglob("*.py")
)
# A command's parameters carry their help text instead.
COMMAND_FOLDERS = ("cli", "cli.py")
VALUE_BASES = {"StrictModel", "NamedTuple", "TypedDict"}


def _is_value_class(node: ast.ClassDef) -> bool:
    decorators = " ".join(ast.unparse(decorator) for decorator in node.decorator_list)
    bases = {ast.unparse(base).split(".")[-1] for base in node.bases}
    return "dataclass" in decorators or bool(bases & VALUE_BASES)


def undocumented_fields(tree: ast.Module) -> list[str]:
    """Return `Class.field` for each field of a value class without a docstring below it."""
    missing = []
    for node in ast.walk(tree):
        if not isinstance(node, ast.ClassDef) or not _is_value_class(node):
            continue
        for field, after in zip(node.body, [*node.body[1:], None], strict=True):
            if not isinstance(field, ast.AnnAssign) or ast.unparse(field.target).startswith("_"):
                continue
            documented = (
                isinstance(after, ast.Expr)
                and isinstance(after.value, ast.Constant)
                and isinstance(after.value.value, str)
            )
            if not documented:
                missing.append(f"{node.name}.{ast.unparse(field.target)}")
    return missing


def _public_functions(tree: ast.Module) -> list[tuple[str, ast.FunctionDef]]:
    found = [(node.name, node) for node in tree.body if isinstance(node, ast.FunctionDef)]
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            found += [
                (f"{node.name}.{method.name}", method)
                for method in node.body
                if isinstance(method, ast.FunctionDef)
            ]
    return [(name, node) for name, node in found if not node.name.startswith("_")]


def undocumented_functions(tree: ast.Module) -> list[str]:
    """Return each public function that takes arguments and has no `Args:` section."""
    missing = []
    for name, node in _public_functions(tree):
        arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
        arguments = [argument for argument in arguments if argument.arg not in ("self", "cls")]
        is_setter = any(ast.unparse(d).endswith(".setter") for d in node.decorator_list)
        if arguments and not is_setter and "Args:" not in (ast.get_docstring(node) or ""):
            missing.append(name)
    return missing


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(ROOT)))
def test_public_names_are_documented(path: Path) -> None:
    tree = ast.parse(path.read_text())
    assert undocumented_fields(tree) == []
    if not any(part in COMMAND_FOLDERS for part in path.parts):
        assert undocumented_functions(tree) == []
