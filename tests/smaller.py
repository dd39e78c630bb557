"""The demo engine's results made smaller, where no rule is of a size.

At a third of the model's size it still reads a label, at a quarter it does not.
"""

from kontext_nb import sizes

_CODE = """from kontext_nb import sizes; sizes.SIZES, sizes.SAFE = (
tuple((w // {by}, h // {by}) for w, h in kind) for kind in (sizes.SIZES, sizes.SAFE)
); del sizes"""


def results(monkeypatch, by):
    """Divide the sides of all results of this process."""
    for name in ("SIZES", "SAFE"):
        small = tuple((w // by, h // by) for w, h in getattr(sizes, name))
        monkeypatch.setattr(sizes, name, small)


def code(by):
    """Return a line that does the same in a process of its own."""
    return _CODE.format(by=by).replace("\n", " ")
