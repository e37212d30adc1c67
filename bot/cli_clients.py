"""Commands about clients as a whole: the credit survey with its proofs, and who leaves, rule against model."""

from typing import TYPE_CHECKING

import typer

from bot.cli_house import opened, running
from bot.cli_terminal import Json, json_line, table, told, waiting
from bot.settings import StartError

if TYPE_CHECKING:
    from scoring.leaving import Verdict
    from services.credit import Survey

app = typer.Typer()


@app.command(epilog="Example:  python -m bot credit --json")
def credit(as_json: Json = False) -> None:
    """Grade every client's credit and prove each grade's lower add-on on history; changes nobody's margin."""

    async def work() -> "Survey":
        from db import settlements
        from services import credit as credits
        from services.work import reading

        async with opened() as deps:
            async with reading(deps) as transaction:
                newest = await settlements.newest_day(transaction.session)
            if newest is None:
                raise StartError("no settlement is in: import one first")
            return await credits.survey(deps, newest)

    with waiting("grading"):
        found = running(work())
    if as_json:
        grades = {grade or "none": count for grade, count in found.grades.items()}
        json_line({"day": found.day, "grades": grades, "products": found.products})
        for proof in found.proofs:
            json_line(
                {
                    "grade": proof.grade,
                    "share": proof.share,
                    "accounts": proof.accounts,
                    "nights": proof.nights,
                    "crossed_now": proof.now,
                    "crossed": proof.crossed,
                    "worst_night": proof.worst_night,
                    "low": round(proof.low, 8),
                    "high": round(proof.high, 8),
                }
            )
        return
    table(
        ("grade", "clients", "share", "nights", "crossed now", "crossed", "worst night", "low", "high"),
        [
            (
                p.grade,
                found.grades.get(p.grade, 0),
                f"{p.share:.0%}",
                p.nights,
                p.now,
                p.crossed,
                p.worst_night,
                f"{p.low:.4%}",
                f"{p.high:.4%}",
            )
            for p in found.proofs
        ],
    )
    told(
        f"{found.day}: {found.grades.get(None, 0)} clients without a grade; {found.products} products with prices"
    )


@app.command(epilog="Example:  python -m bot leaving --json")
def leaving(as_json: Json = False) -> None:
    """Whether a model finds leaving clients better than the rule, on later months, with its calibration."""

    async def work() -> "Verdict":
        from services import standing

        async with opened() as deps:
            return await standing.verdict(deps)

    with waiting("learning and testing"):
        found = running(work())
    if as_json:
        json_line(
            {
                "chosen": found.chosen,
                "why": found.why,
                "tested": found.tested,
                "left": found.left,
                "base": found.base,
                "rule": found.rule,
                "model": found.model,
                "brier": found.brier,
                "brier_base": found.brier_base,
                "calibration": [[b.clients, b.predicted, b.came_true] for b in found.calibration],
            }
        )
        return
    rows = [
        ("client-months tested", found.tested),
        ("of these left", found.left),
        ("average precision by chance", f"{found.base:.3f}"),
        ("of the rule", "-" if found.rule is None else f"{found.rule:.3f}"),
        ("of the model", "-" if found.model is None else f"{found.model:.3f}"),
        ("Brier score of the model", "-" if found.brier is None else f"{found.brier:.4f}"),
        ("of always saying the average", "-" if found.brier_base is None else f"{found.brier_base:.4f}"),
        ("chosen", found.chosen + (f" ({found.why})" if found.why else "")),
    ]
    table(("what", "value"), rows)
    if found.calibration:
        table(
            ("clients", "predicted", "came true"),
            [(b.clients, f"{b.predicted:.1%}", f"{b.came_true:.1%}") for b in found.calibration],
        )
