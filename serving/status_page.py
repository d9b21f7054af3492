"""How the data stands as one HTML page for people: no script and nothing from elsewhere; it loads itself anew."""

from __future__ import annotations

from datetime import UTC, datetime
from html import escape

from serving.health import Health, ModelHealth, Status
from serving.rungs import MEANINGS, Rung
from storage.freshness import Age

REFRESH_SECONDS = 30

STYLE = """
:root { color-scheme: light dark; --ink: #16202b; --soft: #5b6875; --paper: #f7f8fa; --card: #fff; --line: #dfe4ea;
  --accent: #0b6e8a; --code: #eef2f5; --good: #1c7c4a; --fair: #8a5a00; --bad: #b3372f; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e9ee; --soft: #9aa7b4; --paper: #11171d; --card: #182028;
  --line: #2a3540; --accent: #5fc3de; --code: #212b35; --good: #65c890; --fair: #e5b454; --bad: #f08a80; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; }
main { max-width: 64rem; margin: 0 auto; padding: 2rem 1.25rem 4rem; }
h1 { font-size: 1.05rem; margin: 0 0 0.75rem; color: var(--soft); font-weight: 600; }
.all { font-size: 1.6rem; line-height: 1.25; letter-spacing: -0.01em; font-weight: 700; margin: 0; }
.soft { color: var(--soft); font-size: 0.9rem; margin: 0.5rem 0 0; }
a { color: var(--accent); }
.models { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 20rem), 1fr)); gap: 1rem;
  align-items: start; margin-top: 1.75rem; }
article { background: var(--card); border: 1px solid var(--line); border-left: 4px solid var(--tone);
  border-radius: 10px; padding: 1.1rem 1.25rem; }
h2 { display: flex; justify-content: space-between; align-items: center; font-size: 1.15rem; margin: 0 0 0.75rem; }
.state { color: var(--tone); border: 1px solid var(--tone); border-radius: 99px; padding: 0.05rem 0.65rem;
  font-size: 0.85rem; }
dl { display: grid; grid-template-columns: auto 1fr; gap: 0.3rem 1rem; margin: 0; font-size: 0.93rem; }
dt { color: var(--soft); }
dd { margin: 0; text-align: right; font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
.note { margin: 0.9rem 0 0; padding: 0.6rem 0.75rem; border-radius: 6px; background: var(--code); font-size: 0.88rem;
  overflow-wrap: anywhere; }
.note b { color: var(--tone); }
.good { --tone: var(--good); } .fair { --tone: var(--fair); } .bad { --tone: var(--bad); }
.all { color: var(--tone); }
"""

HEADLINES = {
    Status.OK: "Everything is as it should be",
    Status.DEGRADED: "Forecasts are served; something needs attention",
    Status.DOWN: "No forecast can be served",
}
TONES = {
    Age.FRESH: "good",
    Age.DUE: "good",
    Age.LATE: "fair",
    Age.STALE: "bad",
    Age.ENDED: "bad",
    Age.MISSING: "bad",
    Status.OK: "good",
    Status.DEGRADED: "fair",
    Status.DOWN: "bad",
}


def status_page(report: Health) -> str:
    """The page of a report. Times are told from the server's own clock."""
    note = _note("The folder of stores", report.problem) if report.problem else ""
    models = "".join(_model(model, report.time) for model in report.models)
    if not report.models:
        models = '<p class="soft">No run of any model has arrived here yet.</p>'
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="data:,">'
        f'<meta http-equiv="refresh" content="{REFRESH_SECONDS}">'
        f"<title>{report.status}: Windlass</title><style>{STYLE}</style></head><body><main>"
        f'<h1>Windlass</h1><p class="all {TONES[report.status]}">{HEADLINES[report.status]}</p>'
        f'<p class="soft">At {_time(report.time, "%Y-%m-%d %H:%M:%S UTC")}, every {REFRESH_SECONDS} s anew. '
        'The age of what is served counts, not whether jobs succeeded. <a href="status.json">status.json</a> &middot; '
        '<a href="metrics">metrics</a> &middot; <a href="docs">API</a></p>'
        f'{note}<div class="models">{models}</div></main></body></html>'
    )


def _model(model: ModelHealth, now: datetime) -> str:
    rows = [("Serves", f"{model.rung}: {MEANINGS[model.rung]}")] if model.rung is not Rung.NEWEST else []
    if model.init_time:
        rows += [("Run", _time(model.init_time)), ("Age", _span(now, model.init_time))]
    if model.newest_seen and (model.init_time is None or model.newest_seen > model.init_time):
        rows.append(("Newest seen", _time(model.newest_seen)))
    if model.leads and model.last_valid_time:
        of = f" of {model.leads_expected}" if model.incomplete else ""
        rows.append(("Leads", f"{model.leads}{of}, to {_time(model.last_valid_time)}"))
    if model.previous_init_time:
        rows.append(("Run before", _time(model.previous_init_time)))
    if model.past_since:
        lacks = f", runs that are not here: {len(model.past_lacks)}" if model.past_lacks else ""
        rows.append(("Past since", _time(model.past_since) + lacks))
    if model.expected_next:
        when = f"in {_span(model.expected_next, now)}"
        if now > model.expected_next:
            word = "due" if model.state is Age.DUE else "overdue"
            when = f"{word} for {_span(now, model.expected_next)}"
        rows.append(("Next run", f"{_time(model.expected_next)}, {when}"))
    if model.stale_from and model.state in (Age.LATE, Age.STALE):
        rows.append(("Too old from", _time(model.stale_from)))
    rows.append(("Generation", str(model.generation) if model.generation else "unknown"))
    told = "".join(f"<dt>{escape(name)}</dt><dd>{text}</dd>" for name, text in rows)
    notes = [_note("Problem", model.problem)] if model.problem else []
    if model.incomplete:
        notes.append(_note("Incomplete", "its last leads did not come"))
    notes += [_note(f"Withheld: {name}", why) for name, why in model.withheld.items()]
    tone = "fair" if TONES[model.state] == "good" and notes else TONES[model.state]
    if failed := model.last_error:
        run = f", at the run of {failed.init_time:%Y-%m-%d %H:%M} UTC" if failed.init_time else ""
        notes.append(_note("Last ingest failed", f"at {failed.time:%Y-%m-%d %H:%M} UTC{run}: {failed.error}"))
    return (
        f'<article class="{tone}"><h2>{escape(model.model)}<span class="state">{model.state}</span></h2>'
        f"<dl>{told}</dl>{''.join(notes)}</article>"
    )


def _note(name: str, text: str) -> str:
    return f'<p class="note"><b>{escape(name)}</b> {escape(text)}</p>'


def _time(time: datetime, form: str = "%Y-%m-%d %H:%M UTC") -> str:
    time = time.astimezone(UTC)
    return f'<time datetime="{time:%Y-%m-%dT%H:%M:%SZ}">{time:{form}}</time>'


def _span(later: datetime, earlier: datetime) -> str:
    """A span of time in its two largest units."""
    minutes = int((later - earlier).total_seconds() // 60)
    if minutes < 0:
        return f"-{_span(earlier, later)}"
    days, hours = divmod(minutes // 60, 24)
    largest, next_one = (f"{days} d", f"{hours} h") if days else (f"{hours} h", f"{minutes % 60} min")
    text = f"{largest} {next_one}" if days or hours else next_one
    return text.replace(" ", "\u00a0")
