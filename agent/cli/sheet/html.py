"""The sheet as one HTML file that needs nothing from elsewhere, for the screen and for paper. Pure."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator, Sequence
from html import escape
from importlib.resources import files

from agent.amounts import moment
from agent.cli import signoff_texts as say
from agent.cli.checks.findings import Verdict
from agent.cli.sheet import plots
from agent.cli.sheet.blocks import (
    Block,
    Cell,
    Column,
    Facts,
    Heading,
    Lines,
    Paragraph,
    Pictures,
    Plots,
    Table,
    blocks,
)
from agent.cli.sheet.content import Channel, Sheet

_CLASSES = {Verdict.OK: "ok", Verdict.WARN: "warn", Verdict.FAIL: "fail", Verdict.UNKNOWN: "unknown"}


def html(sheet: Sheet) -> str:
    """The file; the content stands in it as JSON, on one line, to be checked against its digest."""
    name = sheet.station.get("title") or sheet.station["gateway"]
    place = f"{sheet.station['site']} / {sheet.station['gateway']}"
    about = say.ABOUT.format(version=sheet.version, made=moment(sheet.made_ms))
    style = files("agent.cli.sheet").joinpath("sheet.css").read_text(encoding="utf-8")
    body = "\n".join(part for block in blocks(sheet) for part in _block(block))
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="generator" content="polegate {escape(sheet.version)}">
<title>{say.TITLE}: {escape(name)}</title>
<style>{style}</style>
</head>
<body>
<main>
<header><h1>{say.TITLE}<small>{escape(name)}</small></h1><p>{escape(place)}</p><p>{escape(about)}</p></header>
{body}
<footer><p>{escape(say.DIGEST.format(digest=sheet.digest))}</p><p>{escape(say.DIGEST_HOW)}</p></footer>
</main>
<script type="application/json" id="content">
{sheet.canonical()}
</script>
</body>
</html>
"""


def _block(block: Block) -> Iterator[str]:
    match block:
        case Heading(text):
            yield f"<h2>{escape(text)}</h2>"
        case Paragraph(text, verdict):
            style = f' class="result {_CLASSES[verdict]}"' if verdict else ""
            yield f"<p{style}>{escape(text)}</p>"
        case Facts(pairs):
            rows = "".join(f"<dt>{escape(name)}</dt><dd>{escape(text)}</dd>" for name, text in pairs)
            yield f"<dl>{rows}</dl>"
        case Table(columns, rows):
            head = "".join(_cell("th", Cell(column.heading), column) for column in columns)
            body = "".join(f"<tr>{_cells(row, columns)}</tr>" for row in rows)
            yield f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
        case _:
            yield from _wide(block)


def _wide(block: Block) -> Iterator[str]:
    yield '<div class="pairs">'
    match block:
        case Plots(channels, offset_min):
            yield from (_plot(channel, offset_min) for channel in channels)
        case Pictures(pictures):
            for picture in pictures:
                data = b64encode(picture.jpeg).decode()
                image = (
                    f'<img alt="{escape(picture.title)}" src="data:image/jpeg;base64,{data}">' if data else ""
                )
                facts = "".join(f'<p class="note">{escape(fact)}</p>' for fact in picture.facts)
                title = f"<b>{escape(picture.title)}</b>"
                yield f"<figure>{image}<figcaption>{title}{facts}</figcaption></figure>"
        case Lines(signatures):
            for each in signatures:
                texts = zip(say.SIGN_LINES, (each.name, each.date, ""), strict=True)
                lines = "".join(f"<span>{name}</span><i>{escape(text)}</i>" for name, text in texts)
                yield f'<div class="sign"><b>{escape(each.role)}</b>{lines}</div>'
        case _:
            pass
    yield "</div>"


def _cells(row: Sequence[Cell], columns: Sequence[Column]) -> str:
    return "".join(_cell("td", cell, column) for cell, column in zip(row, columns, strict=True))


def _cell(tag: str, cell: Cell, column: Column) -> str:
    side = ' class="right"' if column.right else ""
    if cell.verdict is not None:
        return (
            f'<{tag}><span class="mark {_CLASSES[cell.verdict]}">{say.VERDICTS[cell.verdict]}</span></{tag}>'
        )
    below = f"<small>{escape(cell.below)}</small>" if cell.below else ""
    return f"<{tag}{side}>{escape(cell.text)}{below}</{tag}>"


def _plot(channel: Channel, offset_min: int) -> str:
    parts = "".join(map(_shape, plots.plot(channel, offset_min)))
    name = escape(f"{channel.device}.{channel.channel}")
    box = f"0 0 {plots.WIDTH:g} {plots.HEIGHT:g}"
    return f'<svg class="plot" viewBox="{box}" role="img" aria-label="{name}">{parts}</svg>'


def _shape(shape: plots.Shape) -> str:
    match shape:
        case plots.Stroke(kind, points):
            return f'<polyline class="{kind}" points="{" ".join(f"{x:g},{y:g}" for x, y in points)}"/>'
        case plots.Dot(x, y):
            return f'<circle class="dot" cx="{x:g}" cy="{y:g}" r="1.3"/>'
        case plots.Label(kind, x, y, anchor, text):
            return f'<text class="{kind}" x="{x:g}" y="{y:g}" text-anchor="{anchor}">{escape(text)}</text>'
