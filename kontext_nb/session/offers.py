"""What a model offers to who edits a picture: choices to show, and what it costs."""

from __future__ import annotations

from dataclasses import dataclass

from kontext_nb import catalogue, schema
from kontext_nb.errors import KontextError
from kontext_nb.model import price_text
from kontext_nb.session.desk import Desk
from kontext_nb.session.engines import engine
from kontext_nb.session.models import estimate_usd, known, listed, recalled
from kontext_nb.session.settings import Settings

FREE = "free (demo engine)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """One model, as someone chooses it.

    Args:
        model: Its id.
        maker: What makes the edits, as people should read it.
        ratios: The aspect ratios it lists.
        own_ratio: The one it takes if none is given; None if it follows the source.
        seeds: The lowest and the highest seed; None if it takes none.
        price_usd: What one edit should cost; None if nobody knows.
        free: Whether it never costs anything.
    """

    model: str
    maker: str
    ratios: tuple[str, ...] = ()
    own_ratio: str | None = None
    seeds: tuple[int, int] | None = None
    price_usd: float | None = None
    free: bool = False

    def cost_text(self, count: int) -> str:
        """Say what ``count`` edits should cost; unknown is never free."""
        if self.free:
            return FREE
        if self.price_usd is None:
            return price_text(None)
        all_of_them = f" for {count}" if count > 1 else ""
        return price_text(self.price_usd * count) + all_of_them


def offer(settings: Settings, *, ask: bool) -> Offer:
    """Return what is known of the model in the settings.

    Args:
        settings: Name it.
        ask: Whether the service may be asked, which takes a few seconds at most; else
            it is what was known before.
    """
    about = known(settings) if ask else recalled(settings)
    try:
        by = engine(settings)
        free, maker = by.free, by.provider.label(settings.model)
    except KontextError:
        free, maker = False, settings.model  # it is said when an edit is asked for
    spec = schema.fields(about.schema).get("aspect_ratio", {})
    own = spec.get("default")
    return Offer(
        model=settings.model,
        maker=maker,
        ratios=tuple(r for r in schema.aspect_ratios(about.schema) if r != "auto"),
        own_ratio=own if isinstance(own, str) and own != "auto" else None,
        seeds=schema.seed_range(about.schema),
        price_usd=0.0 if free else estimate_usd(about, {}),
        free=free,
    )


def editors(settings: Settings, *, ask: bool) -> tuple[tuple[str, str], ...]:
    """Return names and ids of the models that take a picture and a prompt.

    Args:
        settings: Name who is asked, and the model that is there in any case.
        ask: Whether the service may be asked; else it is what this version knows.
    """
    if ask:
        records = listed(settings, category=catalogue.EDITS).records
        told = [(r.model_id, r.display_name, r.input_schema) for r in records]
    else:
        rows = catalogue.found(category=catalogue.EDITS)
        told = [(r.model_id, r.display_name, r.input_schema) for r in rows]
    found = {
        model: name or model
        for model, name, inputs in told
        if inputs is None or (schema.picture_field(inputs) and _has_prompt(inputs))
    }
    found.setdefault(settings.model, settings.model)
    first = settings.model
    ordered = sorted(found.items(), key=lambda item: item[0] != first)
    return tuple((name, model) for model, name in ordered)


def paid_edits_left(desk: Desk, chosen: Offer) -> int | None:
    """Return how many edits the user's own limits still allow; None for any number.

    Args:
        desk: Its settings set the limits, its ledger has what was spent.
        chosen: The model that would make them.
    """
    limits = desk.settings
    if chosen.free or (limits.max_edits is None and limits.budget_usd is None):
        return None
    spent = desk.ledger.spent()
    left = []
    if limits.max_edits is not None:
        left.append(limits.max_edits - spent.edits)
    if limits.budget_usd is not None and chosen.price_usd:
        # A sum of prices such as 0.1 misses its decimal value by a little.
        room = limits.budget_usd - spent.usd + 1e-9
        left.append(int(room / chosen.price_usd))
    return max(0, min(left)) if left else None


def _has_prompt(inputs: object) -> bool:
    return "prompt" in schema.fields(inputs)
